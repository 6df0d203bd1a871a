-- time_bucket: where the bucket begins that a point in time falls into.
-- Same signatures and argument names as in TimescaleDB.

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamptz) IS
'begin of the bucket, in UTC, that ts falls into';

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamp)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamp) IS
'begin of the bucket that ts falls into';

CREATE FUNCTION time_bucket(bucket_width interval, ts date)
RETURNS date
AS 'MODULE_PATHNAME', 'rusts_time_bucket_date'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, date) IS
'first day of the bucket that ts falls into';

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz,
							origin timestamptz)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamptz, timestamptz) IS
'begin of the bucket, in UTC, that ts falls into, where one begins at origin';

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamp,
							origin timestamp)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamp, timestamp) IS
'begin of the bucket that ts falls into, where one begins at origin';

CREATE FUNCTION time_bucket(bucket_width interval, ts date, origin date)
RETURNS date
AS 'MODULE_PATHNAME', 'rusts_time_bucket_date'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, date, date) IS
'first day of the bucket that ts falls into, where one begins at origin';

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz,
							"offset" interval)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp_offset'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamptz, interval) IS
'begin of the bucket, in UTC, that ts falls into, all buckets moved by offset';

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamp,
							"offset" interval)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp_offset'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamp, interval) IS
'begin of the bucket that ts falls into, all buckets moved by offset';

CREATE FUNCTION time_bucket(bucket_width interval, ts date,
							"offset" interval)
RETURNS date
AS 'MODULE_PATHNAME', 'rusts_time_bucket_date_offset'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, date, interval) IS
'first day of the bucket that ts falls into, all buckets moved by offset';

-- Not strict: origin and offset are optional.
CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz,
							timezone text,
							origin timestamptz DEFAULT NULL,
							"offset" interval DEFAULT NULL)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timezone'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamptz, text, timestamptz,
								interval) IS
'begin of the bucket that ts falls into, by the clock of timezone';

CREATE FUNCTION time_bucket(bucket_width int2, ts int2)
RETURNS int2
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int2'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int2, int2) IS
'begin of the bucket that ts falls into';

CREATE FUNCTION time_bucket(bucket_width int4, ts int4)
RETURNS int4
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int4'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int4, int4) IS
'begin of the bucket that ts falls into';

CREATE FUNCTION time_bucket(bucket_width int8, ts int8)
RETURNS int8
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int8'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int8, int8) IS
'begin of the bucket that ts falls into';

CREATE FUNCTION time_bucket(bucket_width int2, ts int2, "offset" int2)
RETURNS int2
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int2'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int2, int2, int2) IS
'begin of the bucket that ts falls into, all buckets moved by offset';

CREATE FUNCTION time_bucket(bucket_width int4, ts int4, "offset" int4)
RETURNS int4
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int4'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int4, int4, int4) IS
'begin of the bucket that ts falls into, all buckets moved by offset';

CREATE FUNCTION time_bucket(bucket_width int8, ts int8, "offset" int8)
RETURNS int8
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int8'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int8, int8, int8) IS
'begin of the bucket that ts falls into, all buckets moved by offset';

-- first and last: the value at the smallest and at the greatest time.

CREATE FUNCTION rusts_first_transition(internal, anyelement, "any")
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_first_transition(internal, anyelement, "any") IS
'internal, of aggregate first';

CREATE FUNCTION rusts_last_transition(internal, anyelement, "any")
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_last_transition(internal, anyelement, "any") IS
'internal, of aggregate last';

CREATE FUNCTION rusts_first_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_first_combine(internal, internal) IS
'internal, of aggregate first';

CREATE FUNCTION rusts_last_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_last_combine(internal, internal) IS
'internal, of aggregate last';

CREATE FUNCTION rusts_first_last_serialize(internal)
RETURNS bytea
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rusts_first_last_serialize(internal) IS
'internal, of aggregates first and last';

CREATE FUNCTION rusts_first_last_deserialize(bytea, internal)
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rusts_first_last_deserialize(bytea, internal) IS
'internal, of aggregates first and last';

CREATE FUNCTION rusts_first_last_final(internal, anyelement, "any")
RETURNS anyelement
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_first_last_final(internal, anyelement, "any") IS
'internal, of aggregates first and last';

-- Without SSPACE the planner takes 8 kB a group for an internal state.
CREATE AGGREGATE first(anyelement, "any") (
	SFUNC = rusts_first_transition,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = rusts_first_last_final,
	FINALFUNC_EXTRA,
	COMBINEFUNC = rusts_first_combine,
	SERIALFUNC = rusts_first_last_serialize,
	DESERIALFUNC = rusts_first_last_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE first(anyelement, "any") IS
'value at the smallest time: first(value, time)';

CREATE AGGREGATE last(anyelement, "any") (
	SFUNC = rusts_last_transition,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = rusts_first_last_final,
	FINALFUNC_EXTRA,
	COMBINEFUNC = rusts_last_combine,
	SERIALFUNC = rusts_first_last_serialize,
	DESERIALFUNC = rusts_first_last_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE last(anyelement, "any") IS
'value at the greatest time: last(value, time)';
