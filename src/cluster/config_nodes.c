/*-------------------------------------------------------------------------
 *
 * config_nodes.c
 *	  The nodes of a configuration.
 *
 * src/cluster/config_nodes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "cluster/config_parts.h"

#define MAX_WEIGHT	1000

static const char *const sslmodes[] = {
	"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL
};

static void read_node(RustsConfigReader *reader, const RustsTomlValue *table);
static void check_same(RustsConfigReader *reader, int node,
					   int address_line);
static void check_self(RustsConfigReader *reader);

void
rusts_config_nodes(RustsConfigReader *reader)
{
	const RustsTomlValue *array = reader->values[RUSTS_KEY_NODES];
	RustsClusterConfig *config = reader->config;
	const RustsTomlValue *table;
	int			n = 0;

	if (array == NULL)
		return;
	for (table = array->child; table != NULL; table = table->next)
		n++;
	if (n == 0)
		rusts_config_fault(reader->faults, array->line,
						   "nodes must not be empty");
	if (n > RUSTS_MAX_NODES)
	{
		rusts_config_fault(reader->faults, array->line,
						   "there must not be more than %d nodes, these are %d",
						   RUSTS_MAX_NODES, n);
		return;
	}
	config->nodes = palloc0_array(RustsClusterNode, Max(n, 1));
	for (table = array->child; table != NULL; table = table->next)
	{
		if (table->kind == RUSTS_TOML_TABLE)
			read_node(reader, table);
		else
		{
			rusts_config_fault(reader->faults, table->line,
							   "a node must be a table under [[nodes]]");
			reader->lists_known = false;
		}
	}
	check_self(reader);
}

static void
read_node(RustsConfigReader *reader, const RustsTomlValue *table)
{
	RustsConfigFaults *faults = reader->faults;
	int			index = reader->config->nnodes++;
	RustsClusterNode *node = &reader->config->nodes[index];
	const RustsTomlValue *values[RUSTS_NODE_KEYS];
	const RustsTomlValue *value;
	int			sslmode;

	rusts_config_node_keys(table, values, faults);
	node->line = table->line;
	node->id = rusts_config_identifier(values[RUSTS_KEY_ID], faults);
	value = values[RUSTS_KEY_ADDRESS];
	if (value != NULL)
		rusts_config_address(value, &node->host, &node->port, faults);
	check_same(reader, index, value == NULL ? 0 : value->line);

	node->dbname = rusts_config_string(values[RUSTS_KEY_DBNAME],
									   NAMEDATALEN - 1, faults);
	node->user = rusts_config_string(values[RUSTS_KEY_USER],
									 NAMEDATALEN - 1, faults);
	node->passfile = rusts_config_string(values[RUSTS_KEY_PASSFILE],
										 MAXPGPATH - 1, faults);
	sslmode = rusts_config_choice(values[RUSTS_KEY_SSLMODE], sslmodes, faults);
	if (sslmode >= 0)
		node->sslmode = pstrdup(sslmodes[sslmode]);
	node->zone = rusts_config_identifier(values[RUSTS_KEY_ZONE], faults);
	node->weight = 1;
	if (values[RUSTS_KEY_WEIGHT] != NULL)
		node->weight = rusts_config_integer(values[RUSTS_KEY_WEIGHT], 1,
											MAX_WEIGHT, faults);

	for (value = table->child; value != NULL; value = value->next)
	{
		if (strcmp(value->key, "shards") == 0 ||
			strcmp(value->key, "replica_shards") == 0)
			reader->lists_known &= value->kind == RUSTS_TOML_ARRAY;
	}
	rusts_config_shard_list(reader, index, values[RUSTS_KEY_SHARDS], false);
	rusts_config_shard_list(reader, index, values[RUSTS_KEY_REPLICA_SHARDS],
							true);
}

/* Is there a node with this one's id, or its address? */
static void
check_same(RustsConfigReader *reader, int index, int address_line)
{
	RustsClusterNode *node = &reader->config->nodes[index];
	bool		id = node->id != NULL;
	bool		address = node->host != NULL;
	int			i;

	for (i = 0; i < index && (id || address); i++)
	{
		const RustsClusterNode *other = &reader->config->nodes[i];

		if (id && other->id != NULL && strcmp(other->id, node->id) == 0)
		{
			rusts_config_fault(reader->faults, node->line,
							   "a node \"%s\" was there before, on line %d",
							   node->id, other->line);
			id = false;
		}
		if (address && other->host != NULL && other->port == node->port &&
			strcmp(other->host, node->host) == 0)
		{
			rusts_config_fault(reader->faults, address_line,
							   "the node of line %d has the same address",
							   other->line);
			address = false;
		}
	}
}

/* Which node is this one? */
static void
check_self(RustsConfigReader *reader)
{
	RustsClusterConfig *config = reader->config;

	if (config->node_id == NULL)
		return;
	for (config->self = 0; config->self < config->nnodes; config->self++)
	{
		const char *id = config->nodes[config->self].id;

		if (id != NULL && strcmp(id, config->node_id) == 0)
			return;
	}
	rusts_config_fault(reader->faults, reader->values[RUSTS_KEY_NODE_ID]->line,
					   "node_id \"%s\" is the id of none of the nodes",
					   config->node_id);
}
