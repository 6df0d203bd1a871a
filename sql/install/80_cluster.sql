-- The cluster: several servers as one database.

CREATE FUNCTION rusts_cluster_validate(config text DEFAULT NULL)
RETURNS TABLE (line integer, message text)
AS 'MODULE_PATHNAME', 'rusts_cluster_validate'
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION rusts_cluster_validate(text) IS
'everything that is wrong with a configuration of a cluster, by default the file that rusts.cluster_config names, by itself; no rows: nothing';

CREATE FUNCTION rusts_cluster_groups(config text DEFAULT NULL)
RETURNS TABLE (group_number integer, shards integer[], "primary" text,
			   replicas text[])
AS 'MODULE_PATHNAME', 'rusts_cluster_groups'
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION rusts_cluster_groups(text) IS
'the groups of shards that a configuration, by default that of rusts.cluster_config, makes: those with the same primary and the same replicas';
