-- The shard functions are frozen: these results came from an implementation
-- of doc/cluster.md in another language.
SELECT n, rusts_shard_of(16, 'cpu', '{host,region}',
						 ARRAY['host_' || n, 'eu']) AS both,
	rusts_shard_of(16, 'cpu', '{host,region}',
				   ARRAY['host_' || n, NULL]) AS host,
	rusts_shard_of(16, 'cpu', '{host}', ARRAY['host_' || n]) AS same,
	rusts_shard_of(16384, 'm' || n, NULL::timestamptz) AS measurement
FROM generate_series(0, 5) AS n ORDER BY n;
SELECT t, rusts_shard_of(5, t, 86400) AS day,
	rusts_shard_of(7, 'cpu', '{host}', ARRAY['a'], t, 3600) AS composite
FROM unnest('{1970-01-01 00:00:00Z, 1969-12-31 23:59:59.999999Z,
	2026-11-26 01:00:00Z, 2026-11-26 01:59:59.999999Z, 2026-11-26 02:00:00Z,
	-infinity, infinity, 4713-01-01 00:00:00Z BC,
	294276-12-31 23:59:59.999999Z}'::timestamptz[]) WITH ORDINALITY AS u (t, i)
ORDER BY i;

-- All shards get their part.
SELECT min(n) > 550, max(n) < 700, count(*)
FROM (SELECT count(*) AS n
	  FROM generate_series(1, 10000) AS s
	  GROUP BY rusts_shard_of(16, 'cpu', '{host}', ARRAY['host_' || s])) AS c;

-- Null where it means nothing, and other misuse.
SELECT rusts_shard_of(NULL, 'cpu', now());
SELECT rusts_shard_of(0, 'cpu', now());
SELECT rusts_shard_of(16385, 'cpu', now());
SELECT rusts_shard_of(1, NULL, '{}', '{}');
SELECT rusts_shard_of(1, 'cpu', NULL, '{}');
SELECT rusts_shard_of(1, 'cpu', '{}', NULL);
SELECT rusts_shard_of(1, 'cpu', '{a}', '{}');
SELECT rusts_shard_of(1, 'cpu', '{NULL}', '{a}');
SELECT rusts_shard_of(1, now(), 0);
SELECT rusts_shard_of(1, now(), NULL);

-- Rows find their partitions, and a null time is what it is elsewhere.
CREATE TABLE sharded (time timestamptz NOT NULL, host text, v float8)
PARTITION BY LIST (rusts_shard_of(4, 'sharded', '{host}', ARRAY[host]));
CREATE TABLE sharded_a PARTITION OF sharded FOR VALUES IN (0, 2) USING rusts;
CREATE TABLE sharded_b PARTITION OF sharded FOR VALUES IN (1, 3) USING rusts;
INSERT INTO sharded SELECT '2026-01-01', 'h' || i % 7, i
FROM generate_series(1, 100) AS i;
INSERT INTO sharded VALUES ('2026-01-01', NULL, 1);
INSERT INTO sharded VALUES (NULL, 'a', 1);
SELECT tableoid::regclass, host, count(*) FROM sharded
GROUP BY 1, 2 ORDER BY 1, 2;
DROP TABLE sharded;
