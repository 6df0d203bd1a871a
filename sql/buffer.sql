--
-- What a transaction's buffers of written rows take in memory
--
SET client_min_messages = warning;
CREATE SCHEMA b;
SET search_path = b, public;

-- Nothing is left of a statement's buffer, however many columns it had.
CREATE TABLE wide (time timestamptz, v int) USING rusts;
SELECT format('ALTER TABLE wide %s', string_agg(format('ADD COLUMN c%s int', i), ', ')) AS add
FROM generate_series(1, 300) i \gset
:add;
CREATE FUNCTION buffered() RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(sum(total_bytes - free_bytes), 0)::bigint
	FROM pg_backend_memory_contexts WHERE name = 'rusts write buffers' $$;
DO $$
BEGIN
	FOR i IN 1 .. 200 LOOP
		INSERT INTO wide (time, v) VALUES ('epoch', i);
	END LOOP;
	RAISE WARNING 'more than 100 kB: %', buffered() > 100000;
END $$;
SELECT count(*), sum(v) FROM wide;

DROP SCHEMA b CASCADE;
