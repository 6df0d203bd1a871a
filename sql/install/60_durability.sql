-- How soon what is written is safe from a crash.

CREATE FUNCTION rusts_set_wal_mode(measurement regclass, mode text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_set_wal_mode'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_set_wal_mode(regclass, text) IS
'have a measurement written in the mode every-write, periodic, os-default or none, or again, with default, in that of the session''s rusts.wal_mode';

CREATE FUNCTION rusts_wal_mode(measurement regclass)
RETURNS text
AS 'MODULE_PATHNAME', 'rusts_get_wal_mode'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION rusts_wal_mode(regclass) IS
'the mode in which this session writes to a measurement; NULL if it is none';

CREATE FUNCTION rusts.wal_syncs()
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_wal_syncs'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rusts.wal_syncs() IS
'how often commits in the mode periodic were flushed since the server started; internal';
