-- Aggregates over a measurement of the cluster, from those of its parts. The
-- planner puts them in; nobody else needs them.

CREATE AGGREGATE rusts.cluster_count(bigint) (
	SFUNC = int8pl,
	STYPE = bigint,
	INITCOND = '0',
	COMBINEFUNC = int8pl,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE rusts.cluster_count(bigint) IS
'internal: count of all from the counts of parts';

CREATE AGGREGATE rusts.cluster_sum(bigint) (
	SFUNC = int8pl,
	STYPE = bigint,
	COMBINEFUNC = int8pl,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE rusts.cluster_sum(bigint) IS
'internal: sum of integers from the sums of parts';

-- Few values in many groups: the state of sum(numeric) would cost more than
-- all of the adding.
CREATE AGGREGATE rusts.cluster_sum(numeric) (
	SFUNC = numeric_add,
	STYPE = numeric,
	COMBINEFUNC = numeric_add,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE rusts.cluster_sum(numeric) IS
'internal: sum of integers or numerics from the sums of parts';

CREATE FUNCTION rusts.cluster_moments_transition(state float8[], n bigint,
												 sum float8, variance float8)
RETURNS float8[]
AS 'MODULE_PATHNAME', 'rusts_cluster_moments'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts.cluster_moments_transition(float8[], bigint, float8, float8) IS
'internal, of aggregate cluster_moments';

CREATE AGGREGATE rusts.cluster_moments(n bigint, sum float8, variance float8) (
	SFUNC = rusts.cluster_moments_transition,
	STYPE = float8[],
	INITCOND = '{0,0,0}',
	COMBINEFUNC = float8_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE rusts.cluster_moments(bigint, float8, float8) IS
'internal: state of float8_accum from count, sum and var_pop of parts';

CREATE FUNCTION rusts.cluster_variance(n bigint, sum numeric, squares numeric,
									   sample boolean, root boolean)
RETURNS numeric
AS 'MODULE_PATHNAME', 'rusts_cluster_variance'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rusts.cluster_variance(bigint, numeric, numeric, boolean, boolean) IS
'internal: variance, or its root, from count, sum and sum of squares';

CREATE FUNCTION rusts.cluster_avg_transition(state internal, sum numeric,
											 n bigint)
RETURNS internal
AS 'MODULE_PATHNAME', 'rusts_cluster_avg_numeric'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts.cluster_avg_transition(internal, numeric, bigint) IS
'internal, of aggregate cluster_avg';

CREATE FUNCTION rusts.cluster_avg_transition(state internal, sum bigint,
											 n bigint)
RETURNS internal
AS 'MODULE_PATHNAME', 'rusts_cluster_avg_int8'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts.cluster_avg_transition(internal, bigint, bigint) IS
'internal, of aggregate cluster_avg';

CREATE FUNCTION rusts.cluster_avg_final(state internal)
RETURNS numeric
AS 'MODULE_PATHNAME', 'rusts_cluster_avg_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts.cluster_avg_final(internal) IS
'internal, of aggregate cluster_avg';

CREATE AGGREGATE rusts.cluster_avg(sum numeric, n bigint) (
	SFUNC = rusts.cluster_avg_transition,
	STYPE = internal,
	FINALFUNC = rusts.cluster_avg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE rusts.cluster_avg(numeric, bigint) IS
'internal: average of bigint or numeric from sums and counts of parts';

CREATE AGGREGATE rusts.cluster_avg(sum bigint, n bigint) (
	SFUNC = rusts.cluster_avg_transition,
	STYPE = internal,
	FINALFUNC = rusts.cluster_avg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE rusts.cluster_avg(bigint, bigint) IS
'internal: average of small integers from sums and counts of parts';

-- Times are faster to send and to compare as the integers that they are.
CREATE FUNCTION rusts.time_key("time" timestamptz)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_time_key'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rusts.time_key(timestamptz) IS
'internal: microseconds since 2000-01-01 UTC, as PostgreSQL stores a time';

CREATE FUNCTION rusts.time_key("time" timestamp)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_time_key'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rusts.time_key(timestamp) IS
'internal: microseconds since 2000-01-01, as PostgreSQL stores a time';

CREATE FUNCTION rusts.key_timestamptz(key bigint)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'rusts_time_key'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rusts.key_timestamptz(bigint) IS
'internal: the time of a time_key()';

CREATE FUNCTION rusts.key_timestamp(key bigint)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'rusts_time_key'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rusts.key_timestamp(bigint) IS
'internal: the time of a time_key()';
