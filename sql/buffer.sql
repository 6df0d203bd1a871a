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

-- All buffers of a transaction together are bounded, few long rows in each of
-- many measurements included.
CREATE TABLE many (time timestamptz, k int, s text) PARTITION BY LIST (k);
SELECT format('CREATE TABLE many%s PARTITION OF many FOR VALUES IN (%s) USING rusts', i, i)
FROM generate_series(0, 39) i \gexec
CREATE FUNCTION buffered_strings() RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(sum(total_bytes), 0)::bigint
	FROM pg_backend_memory_contexts WHERE name = 'rusts strings' $$;
CREATE TEMP TABLE seen (bytes bigint);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.k = 39 THEN
		INSERT INTO seen VALUES (buffered_strings());
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER note BEFORE INSERT ON many FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO many
SELECT 'epoch', i % 40, repeat(md5(i::text), 20000) FROM generate_series(1, 400) i;
SELECT count(*), max(bytes) > 1000000, max(bytes) < 100 * 1024 * 1024 FROM seen;
SELECT count(*), count(DISTINCT k), sum(length(s)) FROM many;

DROP SCHEMA b CASCADE;
