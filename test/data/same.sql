--
-- Every answer of a measurement is compared with that of a heap table: the
-- same statement runs in schema m, where tables are measurements, and in
-- schema h, where they are heap tables.  Included by the regression tests:
--
--	\getenv srcdir PG_ABS_SRCDIR
--	\set same :srcdir '/test/data/same.sql'
--	\i :same
--
\set QUIET on
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS h, m, same CASCADE;
CREATE SCHEMA h;
CREATE SCHEMA m;
CREATE SCHEMA same;

-- run one query in a schema, its rows as they go over the wire, sorted
CREATE FUNCTION same.rows_in(schema text, query text) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	result text[];
BEGIN
	PERFORM set_config('search_path', schema || ', public', true);
	EXECUTE format('SELECT coalesce(array_agg(r ORDER BY r), ''{}'') FROM '
		'(SELECT md5(record_send(q)) AS r FROM (%s) AS q) AS x', query)
		INTO result;
	PERFORM set_config('search_path', path, true);
	RETURN result;
END $$;

-- the answers to a query, compared
CREATE FUNCTION same.same(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	heap text[] := same.rows_in('h', query);
	rusts text[] := same.rows_in('m', query);
BEGIN
	IF heap = rusts THEN
		RETURN cardinality(heap) || ' same';
	END IF;
	RETURN format('DIFFERENT: %s rows in heap, %s in rusts, %s common',
		cardinality(heap), cardinality(rusts),
		(SELECT count(*) FROM (SELECT unnest(heap) INTERSECT ALL
							   SELECT unnest(rusts)) AS x));
END $$;

-- run a command in a schema: rows or error
CREATE FUNCTION same.run_in(schema text, am text, command text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	n bigint;
	result text;
BEGIN
	PERFORM set_config('search_path', schema || ', public', true);
	PERFORM set_config('default_table_access_method', am, true);
	BEGIN
		EXECUTE command;
		GET DIAGNOSTICS n = ROW_COUNT;
		result := n || ' rows';
	EXCEPTION WHEN OTHERS THEN
		result := SQLSTATE || ': ' || SQLERRM;
	END;
	PERFORM set_config('search_path', path, true);
	PERFORM set_config('default_table_access_method', 'heap', true);
	RETURN result;
END $$;

-- run a command in both schemas, results compared
CREATE FUNCTION same.twice(command text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	heap text := same.run_in('h', 'heap', command);
	rusts text := same.run_in('m', 'rusts', command);
BEGIN
	IF heap = rusts THEN
		RETURN heap;
	END IF;
	RETURN format('DIFFERENT: heap %s, rusts %s', heap, rusts);
END $$;

SET search_path = public, same;
RESET client_min_messages;
\unset QUIET
