-- What a measurement is besides its columns' names, for nodes that come later.

CREATE FUNCTION rusts.cluster_grants(relation oid)
RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('GRANT %s%s ON TABLE $part$ TO %s%s',
			a.privilege_type, g.columns, CASE a.grantee WHEN 0 THEN 'PUBLIC'
				ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
			CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END), '; ')
	FROM (SELECT relacl, '', relowner FROM pg_class WHERE oid = relation
		UNION ALL
		SELECT attacl, ' (' || quote_ident(attname) || ')', relowner
		FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
		WHERE attrelid = relation AND NOT attisdropped)
		AS g (acl, columns, owner), aclexplode(g.acl) AS a
	WHERE a.grantee <> g.owner
$$;
COMMENT ON FUNCTION rusts.cluster_grants(oid) IS
'statements that grant what is granted on a table, with $part$ for its name; null: nothing; internal';

CREATE FUNCTION rusts.cluster_definition(measurement regclass)
RETURNS TABLE (place int, key text, statement text)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET DateStyle = 'ISO, MDY'
SET IntervalStyle = 'postgres'
AS $$
	WITH options AS (
		SELECT substring(label, 'duplicates=([a-z]+)') AS duplicates,
			CASE c.relpersistence WHEN 'u' THEN 'none'
				ELSE substring(label, 'wal_mode=([a-z-]+)') END AS wal_mode
		FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
			LEFT JOIN pg_seclabel ON provider = 'rusts' AND objsubid = 0
				AND classoid = 'pg_class'::regclass AND objoid = inhrelid
		WHERE inhparent = measurement),
	functions AS (
		SELECT quote_ident(nspname) || '.' AS schema
		FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace
		WHERE extname = 'rusts'),
	columns AS (
		SELECT *, pg_get_expr(adbin, adrelid) AS expression
		FROM pg_attribute JOIN pg_type AS t ON t.oid = atttypid
			LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE attrelid = measurement AND attnum > 0 AND NOT attisdropped)
	SELECT attnum::int, 'column ' || attname,
		format('ALTER TABLE %s ADD COLUMN %I %s%s%s', measurement, attname,
			format_type(atttypid, atttypmod),
			' COLLATE ' || nullif(attcollation, typcollation)::regcollation,
			CASE attgenerated
				WHEN 's' THEN format(' GENERATED ALWAYS AS (%s) STORED', expression)
				WHEN 'v' THEN format(' GENERATED ALWAYS AS (%s)', expression) END)
	FROM columns
	UNION ALL
	SELECT 2001, 'not null ' || attname,
		format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', measurement, attname)
	FROM columns WHERE attnotnull
	UNION ALL
	SELECT 2002, 'default ' || attname,
		format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', measurement,
			attname, expression)
	FROM columns WHERE expression IS NOT NULL AND attgenerated = ''
	UNION ALL
	SELECT 2003, 'constraint ' || conname,
		format('ALTER TABLE %s ADD CONSTRAINT %I %s', measurement, conname,
			pg_get_constraintdef(oid))
	FROM pg_constraint WHERE conrelid = measurement AND contype IN ('c', 'f')
	UNION ALL
	SELECT 2004, 'trigger ' || tgname, pg_get_triggerdef(oid)
	FROM pg_trigger WHERE tgrelid = measurement AND NOT tgisinternal
	UNION ALL
	SELECT 2005, 'disabled trigger ' || tgname,
		format('ALTER TABLE %s DISABLE TRIGGER %I', measurement, tgname)
	FROM pg_trigger
	WHERE tgrelid = measurement AND NOT tgisinternal AND tgenabled = 'D'
	UNION ALL
	SELECT 2006, 'rule ' || rulename, pg_get_ruledef(oid)
	FROM pg_rewrite WHERE ev_class = measurement
	UNION ALL
	SELECT 2007, concat('comment ', attname), format('COMMENT ON %s IS %L',
		CASE WHEN attname IS NULL THEN 'TABLE ' || measurement::text
			ELSE format('COLUMN %s.%I', measurement, attname) END, description)
	FROM pg_description LEFT JOIN pg_attribute ON attrelid = objoid
		AND attnum = objsubid AND objsubid > 0
	WHERE objoid = measurement AND classoid = 'pg_class'::regclass
	UNION ALL
	SELECT 2008, 'grants',
		replace(rusts.cluster_grants(measurement), '$part$', measurement::text)
	FROM pg_class WHERE oid = measurement AND (relacl IS NOT NULL
		OR EXISTS (SELECT FROM columns WHERE attacl IS NOT NULL))
	UNION ALL
	SELECT 2009, 'policy ' || polname,
		concat('CREATE POLICY ', quote_ident(polname), ' ON ', measurement,
			' AS ', CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
			' FOR ', CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
				WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
			' TO ', (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC'
				ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
				FROM unnest(polroles) AS role),
			' USING (' || pg_get_expr(polqual, polrelid) || ')',
			' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')')
	FROM pg_policy WHERE polrelid = measurement
	UNION ALL
	SELECT 2010, 'row-level security',
		format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', measurement)
	FROM pg_class WHERE oid = measurement AND relrowsecurity
	UNION ALL
	SELECT 2010, 'forced row-level security',
		format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', measurement)
	FROM pg_class WHERE oid = measurement AND relforcerowsecurity
	UNION ALL
	SELECT DISTINCT 2011, 'keeps duplicates',
		format('SELECT %srusts_set_duplicates(%L, ''keep'')', schema, measurement)
	FROM options, functions WHERE duplicates = 'keep'
	UNION ALL
	SELECT DISTINCT 2011, 'wal mode ' || wal_mode,
		format('SELECT %srusts_set_wal_mode(%L, %L)', schema, measurement, wal_mode)
	FROM options, functions WHERE wal_mode IS NOT NULL
	ORDER BY 1, 2
$$;
COMMENT ON FUNCTION rusts.cluster_definition(regclass) IS
'statements that make a measurement of the cluster what it is here, in their order, and what each of them is about; internal';

CREATE FUNCTION rusts.cluster_learn(measurement regclass, definition text[])
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_learn'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts.cluster_learn(regclass, text[]) IS
'makes of a measurement what it is at another node and is not here, with the caller''s rights; internal';
