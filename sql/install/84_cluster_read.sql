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
