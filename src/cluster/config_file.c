/*-------------------------------------------------------------------------
 *
 * config_file.c
 *	  The file that rusts.cluster_config names.
 *
 * src/cluster/config_file.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "lib/stringinfo.h"
#include "storage/fd.h"
#include "utils/guc.h"

#include "cluster/config.h"

/* What an error shows of the faults; a function lists all. */
#define SHOWN_FAULTS	5

static char *cluster_config;

static char *read_file(const char *path, size_t *size, const char **problem);

void
rusts_config_init(void)
{
	DefineCustomStringVariable("rusts.cluster_config",
							   "File that says which nodes make up the cluster.",
							   "A relative name is one in the data directory.",
							   &cluster_config, "cluster.toml",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
}

RustsClusterConfig *
rusts_config_read_file(RustsConfigFaults *faults, char **contents)
{
	const char *problem = NULL;
	char	   *text;
	size_t		size = 0;

	text = read_file(cluster_config, &size, &problem);
	if (text != NULL)
	{
		if (contents != NULL)
			*contents = pnstrdup(text, size);
		return rusts_config_parse(text, size, faults);
	}
	rusts_config_faults_init(faults);
	rusts_config_fault(faults, 0, "could not read file \"%s\": %s",
					   cluster_config, problem);
	rusts_config_faults_finish(faults);
	return NULL;
}

/* NULL if there is a problem; one byte too much tells of a larger file. */
static char *
read_file(const char *path, size_t *size, const char **problem)
{
	char	   *text = NULL;
	struct stat status;
	FILE	   *file;

	/* To open what is no file may take for ever; relative is to $PGDATA. */
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
	{
		*problem = "it is not a regular file";
		return NULL;
	}
	file = AllocateFile(path, PG_BINARY_R);
	if (file == NULL)
	{
		*problem = pstrdup(strerror(errno));
		return NULL;
	}
	text = palloc(RUSTS_MAX_CONFIG_BYTES + 1);
	*size = fread(text, 1, RUSTS_MAX_CONFIG_BYTES + 1, file);
	if (ferror(file))
	{
		*problem = pstrdup(strerror(errno));
		text = NULL;
	}
	FreeFile(file);
	return text;
}

void
rusts_config_refuse(const RustsConfigFaults *faults)
{
	StringInfoData detail;
	int			i;

	initStringInfo(&detail);
	for (i = 0; i < Min(faults->nfaults, SHOWN_FAULTS); i++)
	{
		const RustsConfigFault *fault = &faults->faults[i];

		if (i > 0)
			appendStringInfoChar(&detail, '\n');
		if (fault->line > 0)
			appendStringInfo(&detail, "Line %d: ", fault->line);
		appendStringInfo(&detail, "%s.", fault->message);
	}
	if (faults->nfaults > SHOWN_FAULTS)
		appendStringInfo(&detail, "\nThere are %d more.",
						 faults->nfaults - SHOWN_FAULTS);
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("the configuration of the cluster is not valid"),
			 errdetail_internal("%s", detail.data),
			 errhint("rusts_cluster_validate() lists everything that is wrong.")));
}
