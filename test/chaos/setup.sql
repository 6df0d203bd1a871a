--
-- setup.sql
--	  Measurements, heap tables that hold the same, and what clients of the
--	  chaos test do with both in one transaction.
--
-- m and m_twin: rows that are inserted, deleted, updated.  d and d_twin:
-- points written twice.  r and r_twin: a retention policy is at work.
--
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TABLE m (time timestamptz NOT NULL, host text, v int8, f float8, s text) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN m.host IS 'tag';
CREATE TABLE m_twin (time timestamptz NOT NULL, host text, v int8, f float8, s text) USING heap;
CREATE INDEX ON m_twin (host, v);
CREATE TABLE d_twin (time timestamptz, host text, a int8, b float8, PRIMARY KEY (time, host)) USING heap;
SELECT rusts_write('d,host=setup a=1i,b=1 1704067200000000000');
INSERT INTO d_twin VALUES ('2024-01-01', 'setup', 1, 1);
CREATE TABLE r (time timestamptz NOT NULL, v int8) USING rusts;
CREATE TABLE r_twin (time timestamptz NOT NULL, v int8) USING heap;
SELECT rusts_add_retention_policy('r', interval '1 day');
SELECT rusts_add_tiering_policy('m', interval '5 days');
SELECT rusts_add_tiering_policy('d', interval '5 days');
CREATE SEQUENCE clock;
CREATE TABLE done (what text, n int8) USING heap;

-- rows in order, or late ones, to both
CREATE FUNCTION put(n int, late bool) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	begin_v int8 := nextval('clock') * 1000;
	at timestamptz := CASE WHEN late THEN now() - random() * interval '20 days' ELSE now() END;
BEGIN
	CREATE TEMP TABLE IF NOT EXISTS new_rows (LIKE m_twin) USING heap ON COMMIT DELETE ROWS;
	INSERT INTO new_rows SELECT at + i * interval '1 s', 'h' || (begin_v / 1000 + i) % 20, begin_v + i,
		CASE WHEN i % 7 > 0 THEN (begin_v + i) / 4.0 END, CASE WHEN i % 5 = 0 THEN 's' || i % 9 END
		FROM generate_series(1, n) AS i;
	INSERT INTO m (time, host, v, f, s) SELECT * FROM new_rows;
	INSERT INTO m_twin SELECT * FROM new_rows;
	INSERT INTO r SELECT time, v FROM new_rows;
	INSERT INTO r_twin SELECT time, v FROM new_rows;
	DELETE FROM new_rows;
	INSERT INTO done VALUES ('rows inserted', n);
END $$;

-- points of a client's own, again and again
CREATE FUNCTION write_points(client int, n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	lines text := '';
	second int8;
	a int8;
	b float8;
BEGIN
	FOR i IN 1..n LOOP
		second := 1704067200 + (random() * 86400 * 10)::int8 / 100 * 100;
		a := CASE WHEN random() < 0.7 THEN (random() * 1000)::int8 END;
		b := CASE WHEN a IS NULL OR random() < 0.5 THEN (random() * 1000)::int8 / 4.0 END;
		lines := lines || format(E'd,host=c%s %s %s000000000\n', client,
			concat_ws(',', 'a=' || a || 'i', 'b=' || b), second);
		INSERT INTO d_twin AS t VALUES (to_timestamp(second), 'c' || client, a, b)
			ON CONFLICT (time, host) DO UPDATE SET a = coalesce(excluded.a, t.a), b = coalesce(excluded.b, t.b);
	END LOOP;
	PERFORM rusts_write(lines);
	INSERT INTO done VALUES ('points written', n);
END $$;

CREATE FUNCTION remove(at_most int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	h text := 'h' || (random() * 20)::int;
	low int8 := (SELECT last_value FROM clock) * 1000 * random();
	n int8;
	twin int8;
BEGIN
	DELETE FROM m WHERE host = h AND v BETWEEN low AND low + at_most;
	GET DIAGNOSTICS n = ROW_COUNT;
	DELETE FROM m_twin WHERE host = h AND v BETWEEN low AND low + at_most;
	GET DIAGNOSTICS twin = ROW_COUNT;
	IF n <> twin THEN
		RAISE 'MISMATCH: % rows deleted, % of the twin', n, twin;
	END IF;
	INSERT INTO done VALUES ('rows deleted', n);
END $$;

CREATE FUNCTION change(at_most int8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	h text := 'h' || (random() * 20)::int;
	low int8 := (SELECT last_value FROM clock) * 1000 * random();
	n int8;
	twin int8;
BEGIN
	UPDATE m SET f = coalesce(f, 0) + 0.25, s = 'changed', host = CASE WHEN v % 10 = 0 THEN 'moved' ELSE host END
		WHERE host = h AND v BETWEEN low AND low + at_most;
	GET DIAGNOSTICS n = ROW_COUNT;
	UPDATE m_twin SET f = coalesce(f, 0) + 0.25, s = 'changed', host = CASE WHEN v % 10 = 0 THEN 'moved' ELSE host END
		WHERE host = h AND v BETWEEN low AND low + at_most;
	GET DIAGNOSTICS twin = ROW_COUNT;
	IF n <> twin THEN
		RAISE 'MISMATCH: % rows updated, % of the twin', n, twin;
	END IF;
	INSERT INTO done VALUES ('rows updated', n);
END $$;

-- in one snapshot
CREATE FUNCTION check_sums() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	mine text;
	twin text;
	bad int8;
BEGIN
	SELECT string_agg(x::text, ' ' ORDER BY host) INTO mine FROM (SELECT host, count(*), sum(v), sum(f), count(s), min(time), max(time) FROM m GROUP BY host) AS x;
	SELECT string_agg(x::text, ' ' ORDER BY host) INTO twin FROM (SELECT host, count(*), sum(v), sum(f), count(s), min(time), max(time) FROM m_twin GROUP BY host) AS x;
	IF mine IS DISTINCT FROM twin THEN
		RAISE 'MISMATCH: sums of m: %, of the twin: %', mine, twin;
	END IF;
	SELECT (count(*), sum(v), max(time))::text INTO mine FROM m;
	SELECT (count(*), sum(v), max(time))::text INTO twin FROM m_twin;
	IF mine IS DISTINCT FROM twin THEN
		RAISE 'MISMATCH: all of m: %, of the twin: %', mine, twin;
	END IF;
	SELECT string_agg(x::text, ' ' ORDER BY host) INTO mine FROM (SELECT host, count(*), count(a), sum(a), sum(b), last(a, time) FROM d GROUP BY host) AS x;
	SELECT string_agg(x::text, ' ' ORDER BY host) INTO twin FROM (SELECT host, count(*), count(a), sum(a), sum(b), last(a, time) FROM d_twin GROUP BY host) AS x;
	IF mine IS DISTINCT FROM twin THEN
		RAISE 'MISMATCH: sums of d: %, of the twin: %', mine, twin;
	END IF;
	SELECT count(*) INTO bad FROM (
		(SELECT * FROM r_twin WHERE time > now() - interval '23 hours' EXCEPT ALL SELECT * FROM r)
		UNION ALL (SELECT * FROM r EXCEPT ALL SELECT * FROM r_twin)) AS x;
	IF bad > 0 THEN
		RAISE 'MISMATCH: % rows of r', bad;
	END IF;
	INSERT INTO done VALUES ('checks', 1);
END $$;

-- every row
CREATE FUNCTION check_rows() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	bad int8;
BEGIN
	SELECT count(*) INTO bad FROM ((SELECT time, host, v, f, s FROM m EXCEPT ALL SELECT * FROM m_twin) UNION ALL (SELECT * FROM m_twin EXCEPT ALL SELECT time, host, v, f, s FROM m)) AS x;
	IF bad > 0 THEN
		RAISE 'MISMATCH: % rows of m', bad;
	END IF;
	SELECT count(*) INTO bad FROM ((SELECT time, host, a, b FROM d EXCEPT ALL SELECT * FROM d_twin) UNION ALL (SELECT * FROM d_twin EXCEPT ALL SELECT time, host, a, b FROM d)) AS x;
	IF bad > 0 THEN
		RAISE 'MISMATCH: % points of d', bad;
	END IF;
	INSERT INTO done VALUES ('full checks', 1);
END $$;

CREATE FUNCTION alter_tables() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	LOCK m, m_twin IN ACCESS EXCLUSIVE MODE;
	IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'm'::regclass AND attname = 'x' AND NOT attisdropped) THEN
		ALTER TABLE m DROP x;
	ELSE
		ALTER TABLE m ADD x int DEFAULT 7;
	END IF;
	INSERT INTO done VALUES ('schema changes', 1);
END $$;
