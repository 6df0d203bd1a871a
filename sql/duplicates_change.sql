-- DELETE, UPDATE and row locks hit all rows that a point was written as.

SET timezone = 'UTC';
CREATE SCHEMA duplicates_change;
SET search_path = duplicates_change, public;

CREATE FUNCTION fill() RETURNS void AS $$
	DROP TABLE IF EXISTS duplicates_change.p;
	SELECT rusts_write(E'p,host=a x=1,y=1 1000000000\np,host=b x=2 1000000000\np,host=c x=3 1000000000');
	SELECT rusts_flush();
	SELECT rusts_write('p,host=a y=10,s="a" 1000000000');
	SELECT rusts_write(E'p,host=b y=20 1000000000\np,host=a x=11 1000000000');
$$ LANGUAGE sql;
SET client_min_messages = warning;

SELECT fill();
SELECT * FROM p ORDER BY host;
DELETE FROM p WHERE host = 'a' RETURNING *;
SELECT * FROM p ORDER BY host;
SELECT count(*), sum(x), sum(y) FROM p;
SELECT rusts_write('p,host=a s="again" 1000000000');
SELECT * FROM p ORDER BY host;
SELECT rusts_flush('p');
SELECT * FROM p ORDER BY host;
VACUUM FULL p;
SELECT * FROM p ORDER BY host;

SELECT fill();
UPDATE p SET x = x + 100, s = NULL WHERE y > 5 RETURNING *;
SELECT * FROM p ORDER BY host;
SELECT count(*), sum(x), sum(y) FROM p;
BEGIN;
UPDATE p SET y = NULL;
SELECT * FROM p ORDER BY host;
SELECT rusts_write('p,host=a s="later" 1000000000');
SELECT * FROM p ORDER BY host;
UPDATE p SET x = -x WHERE s = 'later';
SELECT * FROM p ORDER BY host;
ROLLBACK;
SELECT * FROM p ORDER BY host;
SELECT rusts_flush('p');
SELECT * FROM p ORDER BY host;

-- CURRENT OF, TIDs, locks, triggers, another table's rows
SELECT fill();
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM p WHERE host = 'a';
FETCH c;
UPDATE p SET x = 0 WHERE CURRENT OF c RETURNING *;
FETCH c;
COMMIT;
SELECT * FROM p ORDER BY host;
BEGIN;
SELECT * FROM p WHERE host = 'b' FOR UPDATE;
SELECT * FROM p WHERE ctid = (SELECT ctid FROM p WHERE host = 'b');
DELETE FROM p WHERE ctid = (SELECT ctid FROM p WHERE host = 'b') RETURNING x, y;
COMMIT;
SELECT count(*) FROM p WHERE ctid = '(4026531840,1)';
SELECT * FROM p ORDER BY host;
SELECT fill();
CREATE FUNCTION tell() RETURNS trigger AS $$
BEGIN
	RAISE WARNING '% % % -> %', TG_WHEN, TG_OP, OLD, NEW;
	RETURN coalesce(NEW, OLD);
END $$ LANGUAGE plpgsql;
CREATE TRIGGER before BEFORE UPDATE OR DELETE ON p FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER after AFTER UPDATE OR DELETE ON p FOR EACH ROW EXECUTE FUNCTION tell();
UPDATE p SET y = 0 WHERE host = 'a';
DELETE FROM p WHERE host = 'b';
SELECT * FROM p ORDER BY host;
SELECT fill();
CREATE TABLE other (host text, v float8);
INSERT INTO other VALUES ('a', 1000), ('b', 2000), ('b', 3000), ('d', 4000);
UPDATE p SET x = v FROM other WHERE other.host = p.host AND v < 3000 RETURNING p.*;
MERGE INTO p USING (SELECT DISTINCT host FROM other) o ON o.host = p.host
WHEN MATCHED AND p.host = 'a' THEN DELETE
WHEN MATCHED THEN UPDATE SET y = -1
WHEN NOT MATCHED THEN INSERT (time, host, x) VALUES ('1970-01-01 00:00:02Z', o.host, 4);
SELECT * FROM p ORDER BY host;

-- The same as a heap table, whatever is written, changed and moved when.
CREATE TABLE twin (time timestamptz, host text, a float8, b float8, UNIQUE (time, host));
SELECT rusts_write('q,host=h a=1,b=1 1000000000000');
INSERT INTO twin VALUES (to_timestamp(1000), 'h', 1, 1);
CREATE FUNCTION differences() RETURNS bigint AS $$
	SELECT count(*) FROM
	((SELECT time, host, a, b FROM q EXCEPT ALL TABLE twin) UNION ALL
	 (TABLE twin EXCEPT ALL SELECT time, host, a, b FROM q) UNION ALL
	 (SELECT NULL::timestamptz, host, count(*)::float8, sum(a) FROM q GROUP BY host EXCEPT ALL
	  SELECT NULL, host, count(*), sum(a) FROM twin GROUP BY host)) d
$$ LANGUAGE sql;
SELECT setseed(0.25);
DO $$
DECLARE
	t int; h text; v int; f text; n int; m int; r float8;
BEGIN
	FOR i IN 1 .. 600 LOOP
		t := floor(random() * 40); h := 'h' || floor(random() * 3);
		v := floor(random() * 1000); r := random();
		n := NULL; m := NULL;
		IF r < 0.6 THEN
			f := CASE WHEN random() < 0.5 THEN 'a' ELSE 'b' END;
			PERFORM rusts_write(format('q,host=%s %s=%s %s000000000', h, f, v, t));
			EXECUTE format('INSERT INTO duplicates_change.twin AS o (time, host, %1$s) VALUES (to_timestamp(%2$s), %3$L, %4$s)
				ON CONFLICT (time, host) DO UPDATE SET %1$s = coalesce(excluded.%1$s, o.%1$s)', f, t, h, v);
		ELSIF r < 0.75 THEN
			UPDATE duplicates_change.q SET a = v, b = CASE WHEN v % 2 = 0 THEN b END WHERE host = h AND time <= to_timestamp(t) AND v % 3 = 0 OR time = to_timestamp(t);
			GET DIAGNOSTICS n = ROW_COUNT;
			UPDATE duplicates_change.twin SET a = v, b = CASE WHEN v % 2 = 0 THEN b END WHERE host = h AND time <= to_timestamp(t) AND v % 3 = 0 OR time = to_timestamp(t);
			GET DIAGNOSTICS m = ROW_COUNT;
		ELSIF r < 0.9 THEN
			DELETE FROM duplicates_change.q WHERE host = h AND time = to_timestamp(t) OR a = v;
			GET DIAGNOSTICS n = ROW_COUNT;
			DELETE FROM duplicates_change.twin WHERE host = h AND time = to_timestamp(t) OR a = v;
			GET DIAGNOSTICS m = ROW_COUNT;
		ELSIF r < 0.94 THEN
			PERFORM rusts_flush('duplicates_change.q');
		ELSIF r < 0.95 THEN
			PERFORM rusts_compact('duplicates_change.q');
		ELSIF r < 0.96 THEN
			PERFORM rusts_tier('duplicates_change.q', '2000-01-01');
		END IF;
		IF n IS DISTINCT FROM m OR duplicates_change.differences() > 0 THEN
			RAISE EXCEPTION 'round %: % and % rows, % differences', i, n, m, duplicates_change.differences();
		END IF;
		IF random() < 0.7 THEN
			COMMIT;
		END IF;
	END LOOP;
END $$;
SELECT differences(), count(*) > 50 AS many FROM q;
SELECT rusts_flush('q') >= 0 AS flushed;
SELECT differences();
SELECT rusts_compact('q') >= 0 AS compacted;
SELECT differences();
VACUUM FULL q;
SELECT differences(), sum(rows) = (SELECT count(*) FROM twin) AS all_united
FROM rusts.segments WHERE measurement = 'q'::regclass;

DROP SCHEMA duplicates_change CASCADE;
