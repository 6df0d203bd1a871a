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
#include "utils/memutils.h"

#include "cluster/sql.h"

static int	depth;

int
rusts_cluster_execute_depth(void)
{
	return depth;
}

int64
rusts_cluster_execute(const char *sql)
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
	return value;
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
	GetUserIdAndSecContext(&saved->userid, &saved->security_context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   saved->security_context |
						   SECURITY_LOCAL_USERID_CHANGE);
}

void
rusts_act_as_self(const RustsActAs *saved)
{
	SetUserIdAndSecContext(saved->userid, saved->security_context);
}
