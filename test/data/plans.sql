--
-- What is planned for measurements in schema m, in a form that is the same on
-- all versions of PostgreSQL.  Included after same.sql by the tests of the
-- query engine.
--
\set QUIET on
SET client_min_messages = warning;

-- a plan; with ANALYZE as it was executed
CREATE FUNCTION same.plan(query text, options text = '') RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	line text;
BEGIN
	PERFORM set_config('search_path', 'm, public', true);
	FOR line IN EXECUTE format('EXPLAIN (COSTS OFF%s) %s', options, query) LOOP
		-- rows may be decimals from 18 on
		line := regexp_replace(line, 'rows=(\d+)\.\d+', 'rows=\1', 'g');
		-- the size of what was decoded depends on the codecs
		line := regexp_replace(line, '(Bytes Decoded: )\d+', '\1N');
		RETURN NEXT line;
	END LOOP;
	PERFORM set_config('search_path', path, true);
END $$;

CREATE FUNCTION same.analyzed(query text) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT same.plan(query, ', ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF')
$$;

-- values of a property of one node's EXPLAIN ANALYZE, most often a counter
CREATE FUNCTION same.counted(query text, VARIADIC names text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	result json;
BEGIN
	PERFORM set_config('search_path', 'm, public', true);
	EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF, FORMAT JSON) '
		|| query INTO result;
	PERFORM set_config('search_path', path, true);
	-- rows may be decimals from 18 on
	RETURN (SELECT string_agg(name || ' ' ||
							  coalesce(regexp_replace(v::text, '^(\d+)\.\d+$', '\1'), '-'),
							  ', ' ORDER BY i)
			FROM unnest(names) WITH ORDINALITY AS n(name, i),
				jsonb_path_query_first(result::jsonb,
									   format('$.**.%I', name)::jsonpath) AS v);
END $$;

-- a condition on table t: what the scan does with it, and the answer
CREATE FUNCTION same.condition(condition text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	query text := 'SELECT * FROM t WHERE ' || condition;
	plan json;
	how text;
BEGIN
	PERFORM set_config('search_path', 'm, public', true);
	EXECUTE 'EXPLAIN (VERBOSE, FORMAT JSON) ' || query INTO plan;
	PERFORM set_config('search_path', path, true);
	SELECT string_agg(h, '; ' ORDER BY h DESC) INTO how FROM (
		SELECT 'pushed' AS h
		WHERE jsonb_path_exists(plan::jsonb, '$.**."Scan Cond"')
		UNION ALL
		SELECT regexp_replace(r #>> '{}', '^.*: ', '')
		FROM jsonb_path_query(plan::jsonb, '$.**."Not Pushed Down"[*]') AS r) AS x;
	RETURN format('%s | %s | %s', condition, how, same.same(query));
END $$;

-- a condition with parameters, in a generic plan: the answers for several
-- lists of values
CREATE FUNCTION same.generic(types text, condition text, VARIADIC args text[])
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	arg text;
	heap text;
	rusts text;
	line text;
BEGIN
	PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
	EXECUTE format('PREPARE heap_query (%s) AS SELECT count(*) || '' rows '' || '
		'md5(coalesce(string_agg(t::text, '','' ORDER BY t::text), '''')) '
		'FROM h.t WHERE %s', types, condition);
	EXECUTE format('PREPARE rusts_query (%s) AS SELECT count(*) || '' rows '' || '
		'md5(coalesce(string_agg(t::text, '','' ORDER BY t::text), '''')) '
		'FROM m.t WHERE %s', types, condition);
	FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) EXECUTE rusts_query (%s)', args[1]) LOOP
		IF line ~ 'Scan Cond' THEN
			RETURN NEXT trim(line);
		END IF;
	END LOOP;
	FOREACH arg IN ARRAY args LOOP
		EXECUTE format('EXECUTE heap_query (%s)', arg) INTO heap;
		EXECUTE format('EXECUTE rusts_query (%s)', arg) INTO rusts;
		RETURN NEXT arg || ': ' || split_part(rusts, ' ', 1) ||
			CASE WHEN heap = rusts THEN ' same' ELSE ' DIFFERENT' END;
	END LOOP;
	DEALLOCATE heap_query;
	DEALLOCATE rusts_query;
	PERFORM set_config('plan_cache_mode', 'auto', true);
END $$;

RESET client_min_messages;
\unset QUIET
