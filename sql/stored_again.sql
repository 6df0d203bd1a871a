-- Rows of an INSERT with RETURNING are stored by a subtransaction that looks
-- at them and is undone.  Then they are stored again, and more rows are: not
-- in the segment of the same name, which is cached.

SET client_min_messages = notice;
SET timezone = 'UTC';
CREATE SCHEMA stored_again;
SET search_path = stored_again, public;
CREATE TABLE m (time timestamptz NOT NULL, host text, v int8) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN m.host IS 'tag';
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.v < 0 THEN
		BEGIN
			RAISE EXCEPTION '% rows, sum %', (SELECT count(*) FROM m), (SELECT sum(v) FROM m);
		EXCEPTION WHEN raise_exception THEN
			RAISE NOTICE '%', sqlerrm;
		END;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER look BEFORE INSERT ON m FOR EACH ROW EXECUTE FUNCTION look();

INSERT INTO m VALUES ('2026-01-01 00:00', 'a', 1), ('2026-01-01 00:01', 'b', 2), ('2026-01-01 00:02', 'c', -3), ('2026-01-01 00:03', 'd', 4) RETURNING *;
SELECT * FROM m ORDER BY time;
SELECT host, sum(v) FROM m GROUP BY host ORDER BY host;

-- twice, and what subtransactions have stored that were not undone
TRUNCATE m;
CREATE FUNCTION look_and_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		RAISE NOTICE '% rows, sum %', (SELECT count(*) FROM m), (SELECT sum(v) FROM m);
	EXCEPTION WHEN division_by_zero THEN
		NULL;
	END;
	RETURN NEW;
END $$;
CREATE TRIGGER stay BEFORE INSERT ON m FOR EACH ROW WHEN (NEW.v % 4 = 0) EXECUTE FUNCTION look_and_stay();
INSERT INTO m SELECT '2026-01-01'::timestamptz + i * interval '1 min', 'h' || i, CASE WHEN i % 3 = 0 THEN -i ELSE i END FROM generate_series(1, 9) AS i RETURNING v;
SELECT count(*), sum(v), count(DISTINCT host) FROM m;
SELECT ctid, host, v FROM m ORDER BY time;
SELECT rusts_flush('m');
SELECT count(*), sum(v), count(DISTINCT host) FROM m;
DROP SCHEMA stored_again CASCADE;
