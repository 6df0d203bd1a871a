/* sql/install/40_write.sql: line protocol */

CREATE FUNCTION rusts_write(lines text, "precision" text DEFAULT 'ns',
							on_error text DEFAULT 'abort',
							batch_id text DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_write_text'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION rusts_write(text, text, text, text) IS
'write points in line protocol, returns their number; a batch_id that was written within a day is not written again';

CREATE FUNCTION rusts_write(lines bytea, "precision" text DEFAULT 'ns',
							on_error text DEFAULT 'abort',
							batch_id text DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_write_bytea'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION rusts_write(bytea, text, text, text) IS
'write points in line protocol (UTF-8), returns their number; a batch_id that was written within a day is not written again';

CREATE FUNCTION rusts_set_duplicates(measurement regclass, duplicates text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_set_duplicates'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION rusts_set_duplicates(regclass, text) IS
'what becomes of rows with the same tags and time: merge makes them one point, keep leaves them';
