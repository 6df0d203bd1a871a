/*-------------------------------------------------------------------------
 *
 * config.c
 *	  The configuration of a cluster: cluster.toml, read and checked.
 *
 * A fault does not end the reading.  What it makes unknown stays 0 or NULL,
 * and what would only follow from that is not said again.
 *
 * src/cluster/config.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/duration.h"
#include "cluster/config_parts.h"

/* As long as rusts.partition_duration may be, and as it is by default. */
#define MIN_TIME_SHARD		(60 * USECS_PER_SEC)
#define MAX_TIME_SHARD		(PG_INT32_MAX * USECS_PER_SEC)
#define DEFAULT_TIME_SHARD	USECS_PER_DAY

static const char *const replication_modes[] = {
	[RUSTS_REPLICATION_SYNC] = "Sync",
	[RUSTS_REPLICATION_QUORUM] = "Quorum",
	[RUSTS_REPLICATION_ASYNC] = "Async",
	NULL
};

static const char *const sharding_strategies[] = {
	[RUSTS_SHARDING_BY_SERIES] = "BySeries",
	[RUSTS_SHARDING_BY_MEASUREMENT] = "ByMeasurement",
	[RUSTS_SHARDING_BY_TIME] = "ByTime",
	[RUSTS_SHARDING_COMPOSITE] = "Composite",
	NULL
};

static bool check_bytes(const char *text, size_t size,
						RustsConfigFaults *faults);
static void read_text(RustsConfigReader *reader, const char *text,
					  size_t size);
static const char *syntax_message(const char *message);
static void read_cluster(RustsConfigReader *reader,
						 const RustsTomlValue *root);
static void read_time_shard(RustsConfigReader *reader, int strategy);
static bool parse_duration(const char *text, int64 *us);

RustsClusterConfig *
rusts_config_parse(const char *text, size_t size, RustsConfigFaults *faults)
{
	RustsConfigReader *reader = palloc0_object(RustsConfigReader);

	rusts_config_faults_init(faults);
	reader->faults = faults;
	reader->config = palloc0_object(RustsClusterConfig);
	if (check_bytes(text, size, faults))
		read_text(reader, text, size);
	rusts_config_faults_finish(faults);
	return faults->nfaults > 0 ? NULL : reader->config;
}

/* What the library would refuse, too, but with less to say about it. */
static bool
check_bytes(const char *text, size_t size, RustsConfigFaults *faults)
{
	int			line = 1;
	size_t		valid;
	size_t		i;

	if (size > RUSTS_MAX_CONFIG_BYTES)
	{
		rusts_config_fault(faults, 0,
						   "the configuration is larger than %d bytes",
						   RUSTS_MAX_CONFIG_BYTES);
		return false;
	}
	valid = pg_encoding_verifymbstr(PG_UTF8, text, (int) size);
	if (valid == size)
		return true;
	for (i = 0; i < valid; i++)
		line += text[i] == '\n';
	rusts_config_fault(faults, line, text[valid] == '\0' ?
					   "NUL character" : "invalid UTF-8");
	return false;
}

/* The tree is not in a memory context: it goes whatever happens. */
static void
read_text(RustsConfigReader *reader, const char *text, size_t size)
{
	RustsToml  *toml = rusts_toml_parse(text, size);

	PG_TRY();
	{
		if (toml->root == NULL)
			rusts_config_fault(reader->faults, toml->line, "%s",
							   syntax_message(toml->message));
		else
			read_cluster(reader, toml->root);
	}
	PG_FINALLY();
	{
		rusts_toml_free(toml);
	}
	PG_END_TRY();
}

/*
 * What the library says, without its introduction and without what it has
 * seen: that may be a part of a password that somebody did not quote.
 */
static const char *
syntax_message(const char *message)
{
	static const char introduction[] = "Error while parsing ";
	char	   *text;
	char	   *end;

	if (strstr(message, "is not representable in 64 bits") != NULL)
		return "syntax error: integer is not representable in 64 bits";
	if (strstr(message, "maximum nested value depth") != NULL)
		return "syntax error: values are nested too deeply";
	if (strncmp(message, introduction, strlen(introduction)) == 0)
		message += strlen(introduction);
	text = rusts_config_fault_text(message);
	end = strstr(text, ", saw ");
	if (end != NULL)
		*end = '\0';
	return psprintf("syntax error: %s", text);
}

static void
read_cluster(RustsConfigReader *reader, const RustsTomlValue *root)
{
	RustsClusterConfig *config = reader->config;
	RustsConfigFaults *faults = reader->faults;
	const RustsTomlValue **values = reader->values;
	int			mode;
	int			strategy;
	int			i;

	rusts_config_cluster_keys(root, values, faults);
	config->node_id =
		rusts_config_identifier(values[RUSTS_KEY_NODE_ID], faults);
	config->cluster_name =
		rusts_config_identifier(values[RUSTS_KEY_CLUSTER_NAME], faults);
	mode = rusts_config_choice(values[RUSTS_KEY_REPLICATION_MODE],
							   replication_modes, faults);
	config->replication_mode = Max(mode, 0);
	strategy = rusts_config_choice(values[RUSTS_KEY_SHARDING_STRATEGY],
								   sharding_strategies, faults);
	config->sharding_strategy = Max(strategy, 0);
	config->replication_factor =
		rusts_config_integer(values[RUSTS_KEY_REPLICATION_FACTOR], 1,
							 RUSTS_MAX_NODES, faults);
	config->nshards = rusts_config_integer(values[RUSTS_KEY_SHARD_COUNT], 1,
										   RUSTS_MAX_SHARDS, faults);
	read_time_shard(reader, strategy);

	reader->lists_known = true;
	reader->shards = palloc0_array(RustsShardState, RUSTS_MAX_SHARDS);
	for (i = 0; i < RUSTS_MAX_SHARDS; i++)
		reader->shards[i].primary = -1;
	rusts_config_nodes(reader);
	rusts_config_check_shards(reader);
	if (faults->nfaults == 0)
		rusts_config_make_groups(reader);
}

/* Two strategies cut time, and only they may say how. */
static void
read_time_shard(RustsConfigReader *reader, int strategy)
{
	const RustsTomlValue *value =
	reader->values[RUSTS_KEY_TIME_SHARD_DURATION];
	int64	   *us = &reader->config->time_shard_us;
	char	   *text;

	if (value == NULL)
	{
		if (strategy == RUSTS_SHARDING_BY_TIME ||
			strategy == RUSTS_SHARDING_COMPOSITE)
			*us = DEFAULT_TIME_SHARD;
		return;
	}
	if (strategy == RUSTS_SHARDING_BY_SERIES ||
		strategy == RUSTS_SHARDING_BY_MEASUREMENT)
		rusts_config_fault(reader->faults, value->line,
						   "time_shard_duration has no meaning with the sharding_strategy \"%s\"",
						   sharding_strategies[strategy]);
	text = rusts_config_string(value, NAMEDATALEN, reader->faults);
	if (text != NULL && !parse_duration(text, us))
		rusts_config_fault(reader->faults, value->line,
						   "time_shard_duration must be a duration such as \"1d\" or \"6h\", from one minute to %d seconds, and not have months",
						   PG_INT32_MAX);
}

/* Days have 24 hours here; months have no length. */
static bool
parse_duration(const char *text, int64 *us)
{
	RustsDuration duration;

	if (!rusts_duration_parse(text, strlen(text), &duration) ||
		duration.months != 0 ||
		duration.days > MAX_TIME_SHARD / USECS_PER_DAY ||
		duration.microseconds > MAX_TIME_SHARD)
		return false;
	*us = duration.days * USECS_PER_DAY + duration.microseconds;
	return *us >= MIN_TIME_SHARD && *us <= MAX_TIME_SHARD;
}
