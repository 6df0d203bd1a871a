--
-- The foreign data wrapper rusts_cluster: reads as postgres_fdw, and writes
-- as the cluster does; here there is none.
--
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA cluster_fdw;
SET search_path = cluster_fdw, public;

-- without postgres_fdw
CREATE FOREIGN DATA WRAPPER early HANDLER rusts.cluster_fdw_handler;
CREATE SERVER early FOREIGN DATA WRAPPER early;
CREATE FOREIGN TABLE early (i int) SERVER early;
SELECT * FROM early;
DROP FOREIGN DATA WRAPPER early CASCADE;

-- a function of that name that is somebody else's
CREATE FUNCTION postgres_fdw_handler() RETURNS fdw_handler
AS '$libdir/rusts', 'rusts_cluster_fdw_handler' LANGUAGE C;
SELECT rusts.cluster_prepare_fdw();
SELECT rusts.cluster_prepare_fdw();
DROP FUNCTION postgres_fdw_handler();
SELECT fdwname, fdwhandler::regproc, fdwvalidator::regproc
FROM pg_foreign_data_wrapper WHERE fdwname = 'rusts_cluster';

DO $$
BEGIN
	EXECUTE format('CREATE SERVER loop FOREIGN DATA WRAPPER rusts_cluster OPTIONS (host %L, port %L, dbname %L, async_capable ''true'', extensions ''rusts'')',
				   split_part(current_setting('unix_socket_directories'), ',', 1),
				   current_setting('port'), current_database());
END $$;
\set VERBOSITY terse
CREATE SERVER bad FOREIGN DATA WRAPPER rusts_cluster OPTIONS (nonsense 'true');
\set VERBOSITY default
CREATE USER MAPPING FOR CURRENT_USER SERVER loop;
CREATE TABLE near (time timestamptz NOT NULL, host text, u float8, n int8)
USING rusts;
CREATE TABLE there (time timestamptz NOT NULL, host text, u float8, n int8)
USING rusts;
SECURITY LABEL FOR rusts ON COLUMN near.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN there.host IS 'tag';
INSERT INTO near SELECT '2021-01-01'::timestamptz + i * interval '1 s', 'near' || i % 2, i, i FROM generate_series(1, 10) AS i;
INSERT INTO there SELECT '2021-01-01'::timestamptz + i * interval '1 s', 'there' || i % 2, -i, -i FROM generate_series(1, 10) AS i;
CREATE TABLE cpu (time timestamptz NOT NULL, host text, u float8, n int8)
PARTITION BY LIST (left(host, 4));
ALTER TABLE cpu ATTACH PARTITION near FOR VALUES IN ('near');
CREATE FOREIGN TABLE far PARTITION OF cpu FOR VALUES IN ('ther') SERVER loop
OPTIONS (schema_name 'cluster_fdw', table_name 'there');
SECURITY LABEL FOR rusts ON COLUMN cpu.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN far.host IS 'tag';
SECURITY LABEL FOR rusts ON FOREIGN TABLE far IS 'duplicates=merge';
SECURITY LABEL FOR rusts ON FOREIGN TABLE far IS 'nonsense';
SECURITY LABEL FOR rusts ON TABLE cpu IS 'duplicates=merge';
RESET client_min_messages;

-- reading
SELECT host, count(*), sum(n), min(time), max(u) FROM cpu GROUP BY host ORDER BY host;
EXPLAIN (VERBOSE, COSTS off) SELECT count(*) FROM cpu WHERE n < 5;
EXPLAIN (VERBOSE, COSTS off) SELECT count(*) FROM far WHERE n < 5;
SELECT * FROM cpu ORDER BY time, host LIMIT 4;

-- writing
EXPLAIN (VERBOSE, COSTS off) INSERT INTO far VALUES ('2021-01-01', 'there', 1, 1);
EXPLAIN (COSTS off) INSERT INTO far SELECT * FROM near RETURNING *;
EXPLAIN (VERBOSE, COSTS off) INSERT INTO cpu VALUES ('2021-01-01', 'there', 1, 1);
EXPLAIN (VERBOSE, COSTS off) UPDATE cpu SET n = 1 WHERE host = 'there1';
EXPLAIN (COSTS off) DELETE FROM far;
INSERT INTO far VALUES ('2021-01-01', 'there', 1, 1);
INSERT INTO far VALUES ('2021-01-01', 'near', 1, 1);
INSERT INTO far VALUES (NULL, 'there', 1, 1);
INSERT INTO cpu VALUES ('2021-01-01', 'near', 1, 1), ('2021-01-01', 'there', 1, 1);
INSERT INTO cpu VALUES ('2021-01-01', 'near', 1, 1);
INSERT INTO cpu VALUES ('2021-01-01', 'there', 1, 1) RETURNING *;
COPY far FROM stdin;
2021-01-01	there	1	1
\.
SELECT rusts_write('cpu,host=there u=1 1');
UPDATE cpu SET n = 1 WHERE host = 'there1';
UPDATE far SET n = 1 WHERE n > 100;
UPDATE cpu SET host = 'there' WHERE host = 'near1';
DELETE FROM cpu WHERE n < 0;
DELETE FROM cpu WHERE n = 1 AND host = 'near';
TRUNCATE cpu;
TRUNCATE far;
-- a merge has both
MERGE INTO near USING (VALUES (1, 'near1'), (100, 'near1')) AS v(n, host)
ON near.n = v.n AND near.host = v.host
WHEN MATCHED THEN UPDATE SET u = 100
WHEN NOT MATCHED THEN INSERT VALUES ('2021-01-02', v.host, 200, v.n);
MERGE INTO near USING (VALUES (2, 'near0'), (101, 'near1'), (3, 'near1'), (102, 'near1')) AS v(n, host)
ON near.n = v.n AND near.host = v.host
WHEN MATCHED THEN UPDATE SET u = 300
WHEN NOT MATCHED THEN INSERT VALUES ('2021-01-02', v.host, 400, v.n);
SELECT * FROM near ORDER BY n;
SELECT count(*) FROM cpu;

SET client_min_messages = warning;
DROP SCHEMA cluster_fdw CASCADE;
DROP FOREIGN DATA WRAPPER rusts_cluster CASCADE;
DROP EXTENSION postgres_fdw;
