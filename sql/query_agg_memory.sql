--
-- Groups are returned before the input ends: what sorting them takes is not
-- kept, however many series there have been
--
SET timezone = 'UTC';
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SET max_parallel_workers_per_gather = 0;
SET cursor_tuple_fraction = 1;
CREATE TABLE long (time timestamptz NOT NULL, host text, i int8) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN long.host IS 'tag';
DO $$
BEGIN
	FOR b IN 1 .. 150 LOOP
		INSERT INTO long SELECT '2021-01-01'::timestamptz + b * interval '1 min', 'host' || b * 1000 + i, b FROM generate_series(0, 999) AS i;
	END LOOP;
END $$;
ANALYZE long;
BEGIN;
EXPLAIN (COSTS OFF) DECLARE c CURSOR FOR SELECT time_bucket('1 min', time) AS b, host, sum(i) FROM long GROUP BY 1, 2 ORDER BY 1, 2;
DECLARE c CURSOR FOR SELECT time_bucket('1 min', time) AS b, host, sum(i) FROM long GROUP BY 1, 2 ORDER BY 1, 2;
MOVE 148000 IN c;
SELECT pg_size_pretty(sum(total_bytes)) FROM pg_backend_memory_contexts WHERE name IN ('rusts groups', 'rusts group ranks') HAVING sum(total_bytes) > 4000000;
FETCH 2 IN c;
COMMIT;
DROP TABLE long;
