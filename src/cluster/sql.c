/*-------------------------------------------------------------------------
 *
 * sql.c
 *	  Statements that the cluster runs in this database.
 *
 * src/cluster/sql.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "cluster/sql.h"

static int	depth;

static void set_safe_path(void);

int
rusts_cluster_execute_depth(void)
{
	return depth;
}

int64
rusts_cluster_execute(const char *sql)
{
	int			guc_level = rusts_begin_safe_path();
	int64		nrows = rusts_cluster_execute_as_is(sql);

	AtEOXact_GUC(true, guc_level);
	return nrows;
}

int64
rusts_cluster_execute_as_is(const char *sql)
{
	int64		nrows;
	int			result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	depth++;
	PG_TRY();
	{
		result = SPI_execute(sql, false, 0);
	}
	PG_FINALLY();
	{
		depth--;
	}
	PG_END_TRY();
	if (result < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	nrows = SPI_processed;
	SPI_finish();
	return nrows;
}

char *
rusts_cluster_select(const char *sql)
{
	MemoryContext cxt = CurrentMemoryContext;
	int			guc_level = rusts_begin_safe_path();
	char	   *value = NULL;
	int			result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_execute(sql, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	if (SPI_processed > 0)
	{
		value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		if (value != NULL)
			value = MemoryContextStrdup(cxt, value);
	}
	SPI_finish();
	AtEOXact_GUC(true, guc_level);
	return value;
}

/* Operators cannot be qualified in a readable way; so nobody's are found. */
int
rusts_begin_safe_path(void)
{
	int			guc_level = NewGUCNestLevel();

	set_safe_path();
	return guc_level;
}

static void
set_safe_path(void)
{
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

void
rusts_cluster_check_user(void)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to change the cluster")));
}

void
rusts_act_as_owner(RustsActAs *saved)
{
	rusts_act_as(BOOTSTRAP_SUPERUSERID, saved);
	set_safe_path();
}

void
rusts_act_as(Oid role, RustsActAs *saved)
{
	GetUserIdAndSecContext(&saved->userid, &saved->security_context);
	SetUserIdAndSecContext(role, saved->security_context |
						   SECURITY_LOCAL_USERID_CHANGE);
	saved->guc_level = NewGUCNestLevel();
}

void
rusts_act_as_self(const RustsActAs *saved)
{
	AtEOXact_GUC(true, saved->guc_level);
	SetUserIdAndSecContext(saved->userid, saved->security_context);
}
