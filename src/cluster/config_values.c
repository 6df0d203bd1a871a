/*-------------------------------------------------------------------------
 *
 * config_values.c
 *	  Keys and values of a configuration: which there are, of which type.
 *
 * src/cluster/config_values.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/varlena.h"

#include "cluster/config_parts.h"

/* A key that differs by so many letters is meant. */
#define NEAR_MISS	2

static const RustsConfigKey cluster_keys[RUSTS_CLUSTER_KEYS] = {
	[RUSTS_KEY_NODE_ID] = {"node_id", RUSTS_TOML_STRING, true},
	[RUSTS_KEY_CLUSTER_NAME] = {"cluster_name", RUSTS_TOML_STRING, true},
	[RUSTS_KEY_REPLICATION_MODE] =
	{"replication_mode", RUSTS_TOML_STRING, true},
	[RUSTS_KEY_REPLICATION_FACTOR] =
	{"replication_factor", RUSTS_TOML_INTEGER, true},
	[RUSTS_KEY_SHARD_COUNT] = {"shard_count", RUSTS_TOML_INTEGER, true},
	[RUSTS_KEY_SHARDING_STRATEGY] =
	{"sharding_strategy", RUSTS_TOML_STRING, true},
	[RUSTS_KEY_TIME_SHARD_DURATION] =
	{"time_shard_duration", RUSTS_TOML_STRING, false},
	[RUSTS_KEY_NODES] = {"nodes", RUSTS_TOML_ARRAY, true}
};

static const RustsConfigKey node_keys[RUSTS_NODE_KEYS] = {
	[RUSTS_KEY_ID] = {"id", RUSTS_TOML_STRING, true},
	[RUSTS_KEY_ADDRESS] = {"address", RUSTS_TOML_STRING, true},
	[RUSTS_KEY_SHARDS] = {"shards", RUSTS_TOML_ARRAY, false},
	[RUSTS_KEY_REPLICA_SHARDS] = {"replica_shards", RUSTS_TOML_ARRAY, false},
	[RUSTS_KEY_DBNAME] = {"dbname", RUSTS_TOML_STRING, false},
	[RUSTS_KEY_USER] = {"user", RUSTS_TOML_STRING, false},
	[RUSTS_KEY_PASSFILE] = {"passfile", RUSTS_TOML_STRING, false},
	[RUSTS_KEY_SSLMODE] = {"sslmode", RUSTS_TOML_STRING, false},
	[RUSTS_KEY_ZONE] = {"zone", RUSTS_TOML_STRING, false},
	[RUSTS_KEY_WEIGHT] = {"weight", RUSTS_TOML_INTEGER, false}
};

static const char *const kind_names[] = {
	[RUSTS_TOML_TABLE] = "a table",
	[RUSTS_TOML_ARRAY] = "an array",
	[RUSTS_TOML_STRING] = "a string",
	[RUSTS_TOML_INTEGER] = "an integer",
	[RUSTS_TOML_BOOLEAN] = "a boolean",
	[RUSTS_TOML_FLOAT] = "a floating-point number",
	[RUSTS_TOML_TIME] = "a date or time"
};

static void read_keys(const RustsTomlValue *table, const RustsConfigKey *keys,
					  int nkeys, bool node, const RustsTomlValue **values,
					  RustsConfigFaults *faults);
static void add_unknown_key(const RustsTomlValue *value, bool node,
							RustsConfigFaults *faults);
static int	find_key(const char *name, const RustsConfigKey *keys, int nkeys);
static const char *near_miss(const char *name, const RustsConfigKey *keys,
							 int nkeys);
static bool is_ascii(const char *string);

void
rusts_config_cluster_keys(const RustsTomlValue *table,
						  const RustsTomlValue **values,
						  RustsConfigFaults *faults)
{
	read_keys(table, cluster_keys, RUSTS_CLUSTER_KEYS, false, values, faults);
}

void
rusts_config_node_keys(const RustsTomlValue *table,
					   const RustsTomlValue **values,
					   RustsConfigFaults *faults)
{
	read_keys(table, node_keys, RUSTS_NODE_KEYS, true, values, faults);
}

static void
read_keys(const RustsTomlValue *table, const RustsConfigKey *keys, int nkeys,
		  bool node, const RustsTomlValue **values, RustsConfigFaults *faults)
{
	bool		seen[Max(RUSTS_CLUSTER_KEYS, RUSTS_NODE_KEYS)] = {false};
	const RustsTomlValue *value;
	int			i;

	memset(values, 0, nkeys * sizeof(*values));
	for (value = table->child; value != NULL; value = value->next)
	{
		if (strlen(value->key) != value->key_length)
		{
			rusts_config_fault(faults, value->line,
							   "a key has a NUL character");
			continue;
		}
		i = find_key(value->key, keys, nkeys);
		if (i < 0)
		{
			add_unknown_key(value, node, faults);
			continue;
		}
		seen[i] = true;
		if (value->kind == keys[i].kind)
			values[i] = value;
		else if (strcmp(value->key, "nodes") == 0)
			rusts_config_fault(faults, value->line,
							   "nodes must be an array of tables, each under [[nodes]]");
		else
			rusts_config_fault(faults, value->line, "%s must be %s, not %s",
							   value->key, kind_names[keys[i].kind],
							   kind_names[value->kind]);
	}
	for (i = 0; i < nkeys; i++)
	{
		if (keys[i].required && !seen[i])
			rusts_config_fault(faults, node ? table->line : 0,
							   "%s%s is missing", keys[i].name,
							   node ? " of a node" : "");
	}
}

/* What is meant is told where it can be guessed. */
static void
add_unknown_key(const RustsTomlValue *value, bool node,
				RustsConfigFaults *faults)
{
	char	   *key = rusts_config_fault_quote(value->key);
	const char *of = node ? " of a node" : "";
	const char *meant;

	if (node && find_key(value->key, cluster_keys, RUSTS_CLUSTER_KEYS) >= 0)
		rusts_config_fault(faults, value->line,
						   "%s is not a key of a node: it belongs before the first [[nodes]]",
						   value->key);
	else if (!node && find_key(value->key, node_keys, RUSTS_NODE_KEYS) >= 0)
		rusts_config_fault(faults, value->line,
						   "%s is a key of a node: it belongs under [[nodes]]",
						   value->key);
	else if (pg_strcasecmp(value->key, "password") == 0)
		rusts_config_fault(faults, value->line,
						   "unknown key %s%s: passwords are kept in a password file, see passfile",
						   key, of);
	else
	{
		meant = node ? near_miss(value->key, node_keys, RUSTS_NODE_KEYS) :
			near_miss(value->key, cluster_keys, RUSTS_CLUSTER_KEYS);
		if (meant != NULL)
			rusts_config_fault(faults, value->line,
							   "unknown key %s%s, perhaps \"%s\" is meant",
							   key, of, meant);
		else
			rusts_config_fault(faults, value->line, "unknown key %s%s", key,
							   of);
	}
}

static int
find_key(const char *name, const RustsConfigKey *keys, int nkeys)
{
	int			i;

	for (i = 0; i < nkeys; i++)
	{
		if (strcmp(keys[i].name, name) == 0)
			return i;
	}
	return -1;
}

/* The known key that is nearest to name, if any is near. */
static const char *
near_miss(const char *name, const RustsConfigKey *keys, int nkeys)
{
	int			len = strlen(name);
	int			nearest = NEAR_MISS + 1;
	const char *found = NULL;
	int			i;

	/* The server compares letters of its own encoding. */
	if (len > NAMEDATALEN || !is_ascii(name))
		return NULL;
	for (i = 0; i < nkeys; i++)
	{
		int			distance =
		varstr_levenshtein_less_equal(name, len, keys[i].name,
									  strlen(keys[i].name), 1, 1, 1,
									  nearest, true);

		if (distance < nearest && distance < (int) strlen(keys[i].name))
		{
			nearest = distance;
			found = keys[i].name;
		}
	}
	return found;
}

static bool
is_ascii(const char *string)
{
	for (; *string != '\0'; string++)
	{
		if (IS_HIGHBIT_SET(*string))
			return false;
	}
	return true;
}

/*
 * Not empty, without control characters.  Catalogs and connections take it in
 * the server's encoding; that is the file's, or it must be in both.
 */
char *
rusts_config_string(const RustsTomlValue *value, int max_bytes,
					RustsConfigFaults *faults)
{
	int			encoding = GetDatabaseEncoding();
	size_t		i;

	if (value == NULL)
		return NULL;
	if (value->length == 0)
	{
		rusts_config_fault(faults, value->line, "%s must not be empty",
						   value->key);
		return NULL;
	}
	if (value->length > (size_t) max_bytes)
	{
		rusts_config_fault(faults, value->line,
						   "%s must not have more than %d bytes", value->key,
						   max_bytes);
		return NULL;
	}
	for (i = 0; i < value->length; i++)
	{
		if ((unsigned char) value->string[i] < ' ' || value->string[i] == 0x7F)
		{
			rusts_config_fault(faults, value->line,
							   "%s must not have control characters",
							   value->key);
			return NULL;
		}
	}
	if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII &&
		!is_ascii(value->string))
	{
		rusts_config_fault(faults, value->line,
						   "%s must be ASCII in a database whose encoding is not UTF8",
						   value->key);
		return NULL;
	}
	return pstrdup(value->string);
}

/* What names of servers and transactions can be made of. */
char *
rusts_config_identifier(const RustsTomlValue *value, RustsConfigFaults *faults)
{
	char	   *string = rusts_config_string(value, RUSTS_MAX_NODE_ID, faults);
	const char *p;

	if (string == NULL)
		return NULL;
	for (p = string; *p != '\0'; p++)
	{
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9'))
			continue;
		if (p > string && strchr("_.-", *p) != NULL)
			continue;
		rusts_config_fault(faults, value->line,
						   "%s must consist of letters and digits of ASCII, and \"_\", \".\", \"-\" after the first",
						   value->key);
		return NULL;
	}
	return string;
}

int
rusts_config_integer(const RustsTomlValue *value, int min, int max,
					 RustsConfigFaults *faults)
{
	if (value == NULL)
		return 0;
	if (value->integer >= min && value->integer <= max)
		return (int) value->integer;
	rusts_config_fault(faults, value->line,
					   "%s must be between %d and %d, not %lld",
					   value->key, min, max, (long long) value->integer);
	return 0;
}

int
rusts_config_choice(const RustsTomlValue *value, const char *const *names,
					RustsConfigFaults *faults)
{
	StringInfoData text;
	int			i;

	if (value == NULL)
		return -1;
	initStringInfo(&text);
	for (i = 0; names[i] != NULL; i++)
	{
		if (strcmp(value->string, names[i]) == 0 &&
			value->length == strlen(names[i]))
			return i;
		if (i > 0)
			appendStringInfoString(&text,
								   names[i + 1] == NULL ? " or " : ", ");
		appendStringInfo(&text, "\"%s\"", names[i]);
	}
	rusts_config_fault(faults, value->line, "%s must be %s, not %s",
					   value->key, text.data,
					   rusts_config_fault_quote(value->string));
	return -1;
}
