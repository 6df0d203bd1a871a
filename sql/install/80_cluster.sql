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

-- Partition keys of the measurements of a cluster; frozen.
CREATE FUNCTION rusts_shard_of(shards integer, measurement text, tags text[],
							   "values" text[])
RETURNS integer
AS 'MODULE_PATHNAME', 'rusts_shard_of_series'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_shard_of(integer, text, text[], text[]) IS
'the shard, from 0 on, of the points of a series, strategy BySeries; null values are tags that the points have not';

CREATE FUNCTION rusts_shard_of(shards integer, measurement text,
							   "time" timestamptz)
RETURNS integer
AS 'MODULE_PATHNAME', 'rusts_shard_of_measurement'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_shard_of(integer, text, timestamptz) IS
'the shard, from 0 on, of the points of a measurement, strategy ByMeasurement; their time does not count';

CREATE FUNCTION rusts_shard_of(shards integer, "time" timestamptz,
							   seconds bigint)
RETURNS integer
AS 'MODULE_PATHNAME', 'rusts_shard_of_time'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_shard_of(integer, timestamptz, bigint) IS
'the shard, from 0 on, of the points of a time, strategy ByTime; spans of that many seconds from 1970-01-01 UTC go to one shard after the other';

CREATE FUNCTION rusts_shard_of(shards integer, measurement text, tags text[],
							   "values" text[], "time" timestamptz,
							   seconds bigint)
RETURNS integer
AS 'MODULE_PATHNAME', 'rusts_shard_of_composite'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_shard_of(integer, text, text[], text[], timestamptz, bigint) IS
'the shard, from 0 on, of the points of a series and a span of that many seconds, strategy Composite';

-- How rows come to other nodes.
CREATE FUNCTION rusts.store_image(table_name name, columns text[],
								  image bytea, batch text DEFAULT '')
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_store_image'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION rusts.store_image(name, text[], bytea, text) IS
'store rows that another node of the cluster has encoded in a table of the schema rusts_shard; returns their number; internal';

CREATE FUNCTION rusts.delete_points(table_name name, columns text[],
									image bytea)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_delete_points'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION rusts.delete_points(name, text[], bytea) IS
'delete rows of a table of the schema rusts_shard that another node of the cluster has deleted; returns their number; internal';

CREATE FUNCTION rusts.cluster_fdw_handler()
RETURNS fdw_handler
AS 'MODULE_PATHNAME', 'rusts_cluster_fdw_handler'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION rusts.cluster_fdw_handler() IS
'handler of the foreign data wrapper rusts_cluster';

CREATE FUNCTION rusts.cluster_prepare_fdw()
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_prepare_fdw'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION rusts.cluster_prepare_fdw() IS
'make the foreign data wrapper rusts_cluster, and the extension postgres_fdw, which it needs, where they are missing; internal';
REVOKE ALL ON FUNCTION rusts.cluster_prepare_fdw() FROM PUBLIC;
