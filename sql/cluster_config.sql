--
-- The configuration of a cluster: what is accepted, and every fault by its line.
--
CREATE SCHEMA cluster_config;
SET search_path = cluster_config, public;

-- The example of the documentation, with changes: old text, new text, ...
CREATE FUNCTION example(VARIADIC changes text[] DEFAULT '{}') RETURNS text
LANGUAGE plpgsql AS $fn$
DECLARE
	config text := $toml$node_id = "node1"
cluster_name = "rusts-prod"
replication_mode = "Quorum"    # Sync, Quorum, or Async
replication_factor = 2
shard_count = 16
sharding_strategy = "BySeries" # BySeries, ByMeasurement, ByTime, Composite

[[nodes]]
id = "node1"
address = "10.0.1.1:5432"
shards = [0, 1, 2, 3, 4, 5, 6, 7]

[[nodes]]
id = "node2"
address = "10.0.1.2:5432"
shards = [8, 9, 10, 11, 12, 13, 14, 15]
replica_shards = [0, 1, 2, 3, 4, 5, 6, 7]

[[nodes]]
id = "node3"
address = "10.0.1.3:5432"
replica_shards = [8, 9, 10, 11, 12, 13, 14, 15]
$toml$;
BEGIN
	FOR i IN 1 .. coalesce(array_length(changes, 1), 0) BY 2 LOOP
		IF strpos(config, changes[i]) = 0 THEN
			RAISE 'the example has no "%"', changes[i];
		END IF;
		config := replace(config, changes[i], changes[i + 1]);
	END LOOP;
	RETURN config;
END
$fn$;

-- What is wrong, "line: message" each.
CREATE FUNCTION faults(config text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT concat_ws(': ', line, message) FROM rusts_cluster_validate(config) $$;

\a
\t on
-- as it stands
SELECT * FROM faults(example());
SELECT * FROM rusts_cluster_groups(example());

-- the other modes and strategies, and everything that is optional
SELECT mode, strategy, message
  FROM unnest(ARRAY['Sync', 'Quorum', 'Async']) mode,
	   unnest(ARRAY['BySeries', 'ByMeasurement', 'ByTime', 'Composite']) strategy
  LEFT JOIN LATERAL faults(example('Quorum"', mode || '"', 'BySeries"', strategy || '"')) message ON true
 ORDER BY 1, 2;
SELECT * FROM faults(example('"BySeries"', '"ByTime"', E'\n\n[[nodes]]\nid = "node1"', '
time_shard_duration = "1d12h"

[[nodes]]
id = "node1"
dbname = "metrics"
user = "Jürgen"
passfile = "/etc/rusts/passfile"
sslmode = "verify-full"
zone = "eu-1"
weight = 3'));

-- one node; a replica more than primaries; groups are found, however shards are written
SELECT * FROM rusts_cluster_groups($$
node_id = 'a'
cluster_name = "one"
replication_mode = "Async"
replication_factor = 1
shard_count = 3
sharding_strategy = "ByMeasurement"
nodes = [{id = "a", address = "localhost", shards = [2, 0, 1]}]
$$);
SELECT * FROM rusts_cluster_groups($$
node_id = "c"
cluster_name = "three"
replication_mode = "Sync"
replication_factor = 2
shard_count = 8
sharding_strategy = "Composite"
time_shard_duration = "6h"
[[nodes]]
id = "a"
address = "a.example.com:5433"
shards = [
	7,   # not in order
	0, 0x1, 0b10
]
[[nodes]]
id = "b"
address = "[2001:DB8::1]"
shards = [3, 4]
replica_shards = [0, 2, 5]
[[nodes]]
id = "c"
address = "[fe80::1%eth0]:5432"
shards = [5, 6]
replica_shards = [1, 3, 4, 7]
[[nodes]]
id = "d"
address = "A_B.c"
replica_shards = [6]
$$);

-- lines may end as on Windows, and begin with a mark
SELECT * FROM faults(U&'\FEFF' || replace(example(), E'\n', E'\r\n'));

-- the text: syntax, size, bytes
SELECT * FROM faults('');
SELECT * FROM faults(example('16', '16 16'));
SELECT * FROM faults(example('"node2"', '"node2'));
SELECT * FROM faults(example('shard_count', 'shard count'));
SELECT * FROM faults(example('[[nodes]]', '[nodes]'));
SELECT * FROM faults(example('cluster_name', 'node_id'));
SELECT * FROM faults(example('shard_count = 16', 'shard_count = 99999999999999999999'));
SELECT * FROM faults(example('shard_count = 16', 'shard_count = ' || repeat('9', 100000)));
SELECT * FROM faults(example('shard_count = 16', 'shard_count = ' || repeat('[', 100000)));
SELECT * FROM faults(example('shard_count = 16', 'shard_count = ' || repeat('[', 16) || repeat(']', 16)));
SELECT * FROM faults(example('shard_count', 'a' || repeat('.a', 100000)));
SELECT * FROM faults(example('shard_count', 'a' || repeat('.a', 256)));
SELECT * FROM faults(example('shard_count', '#' || repeat('.', 1000) || E'\nshard_count'));
SELECT * FROM faults(repeat('a', 1024 * 1024));
SELECT * FROM faults(repeat(E'#\n', 5 * 1024 * 1024));
SELECT * FROM faults(repeat(E'[[nodes]]\n', 5000));
SELECT * FROM faults('shards = [' || repeat('1,', 500000) || ']');
SELECT * FROM faults(example('node1"', 'no\u0000de1"'));

-- letters beyond ASCII where the parser looks for blanks
SELECT * FROM faults(example(E'\nid = "node1"', E'\nid = "node1"\nuser = """\\\n  ä§Җ\u3001"""'));
SELECT * FROM faults(example('cluster_name', 'ä'));
SELECT * FROM faults(example('shard_count', '"shard_count\u0000" = 1' || E'\nshard_count'));

-- passwords are shown neither by the parser nor by us
SELECT * FROM faults(example(E'\nid = "node1"', E'\nid = "node1"\npassword = trustno1'));
SELECT * FROM faults(example(E'\nid = "node1"', E'\nid = "node1"\npassword = 98765432109876543210'));
SELECT * FROM faults(example(E'\nid = "node1"', E'\nid = "node1"\npassword = "trustno1"'));
SELECT * FROM faults(example('10.0.1.1:5432', 'postgresql://rusts:trustno1@10.0.1.1'));
SELECT * FROM faults('10.0.1.1:5432:metrics:rusts:trustno1');

-- keys
SELECT * FROM faults(example('cluster_name', 'clustername'));
SELECT * FROM faults(example('shard_count', 'shards'));
SELECT * FROM faults(example(E'id = "node2"\naddress', E'id = "node2"\nadress'));
SELECT * FROM faults(example('replica_shards', 'replicas'));
SELECT * FROM faults(example(E'\nid = "node3"', E'\nid = "node3"\nzzz = 1\nshard_count = 3\n"größe" = 1\n"a\\nb" = 2'));
SELECT * FROM faults(example('shard_count', repeat('x', 1000) || E' = 1\nshard_count'));
SELECT * FROM faults(example(E'id = "node3"\n', '', E'address = "10.0.1.3:5432"\n', ''));

-- types
SELECT * FROM faults(example('"rusts-prod"', '1', 'replication_factor = 2', 'replication_factor = "2"',
	'shard_count = 16', 'shard_count = 16.0', '"Quorum"', 'true', '"BySeries"', '2024-01-01',
	'"10.0.1.1:5432"', '{}', '[0, 1, 2, 3, 4, 5, 6, 7]', '"0-7"', '[8, 9, 10', '[8, "9", 10'));
SELECT * FROM faults(E'nodes = [1]\n');
SELECT * FROM faults(E'nodes = []\n');
SELECT * FROM faults(E'[nodes.a]\nid = "a"\n');

-- values out of range
SELECT * FROM faults(example('shard_count = 16', 'shard_count = 0'));
SELECT * FROM faults(example('shard_count = 16', 'shard_count = 16385'));
SELECT * FROM faults(example('factor = 2', 'factor = 0'));
SELECT * FROM faults(example('factor = 2', 'factor = 9223372036854775807'));
SELECT * FROM faults(example('factor = 2', 'factor = 4'));
SELECT * FROM faults(example('"Quorum"', '"quorum"', '"BySeries"', '"Random"'));
SELECT * FROM faults(example('"rusts-prod"', '"rusts prod"'));
SELECT * FROM faults(example('"node3"', '"-node3"', '"node2"', '""'));
SELECT * FROM faults(example('"node3"', '"' || repeat('n', 64) || '"'));
SELECT * FROM faults(example(E'\nid = "node3"', E'\nid = "node3"\nweight = 0\nsslmode = "on"\nzone = "größe"\nuser = ""\npassfile = "a\\tb"\ndbname = "' || repeat('d', 64) || '"'));

-- addresses
SELECT address, f FROM unnest(ARRAY['10.0.1.9', '10.0.1.9:1', 'Db-1.example.com:65535', '[::1]', '[::1]:5433',
	'[fe80::1%eth0]', '', ':5432', '10.0.1.300', '10.0.1', '10.0.1.9:', '10.0.1.9:0', '10.0.1.9:65536', '10.0.1.9:x',
	'10.0.1.9:5432 ', '10.0.1.9:5432:1', '::1', '[::1', '[]', '[::g]', '[::1]5432', '[::1%]', '[::1%a/b]',
	'a,b', '/tmp', '@x', '-a', 'höst', repeat('h', 254), 'a\u0000b', '[a\u0000]b']) address
  LEFT JOIN LATERAL faults(example('10.0.1.3:5432', address)) f ON true;

-- time_shard_duration
SELECT * FROM faults(example('shard_count', E'time_shard_duration = "1d"\nshard_count'));
SELECT duration, f FROM unnest(ARRAY['1m', '24855d3h14m7s', '1w', '59s', '24855d3h14m8s', '1mo', '1y', '1 day', '', 'd',
	'2147483647d', '9223372036854775807us']) duration
  LEFT JOIN LATERAL faults(example('shard_count', 'time_shard_duration = "' || duration || E'"\nshard_count',
		'BySeries"', 'ByTime"')) f ON true;

-- nodes
SELECT * FROM faults(example('node_id = "node1"', 'node_id = "node4"'));
SELECT * FROM faults(example('id = "node3"', 'id = "node2"'));
SELECT * FROM faults(example('10.0.1.3:5432', '10.0.1.1', '10.0.1.2', '[::1]'));
SELECT * FROM faults(example('10.0.1.3:5432', '[0:0::1]', '10.0.1.2', '[::1]'));
SELECT * FROM faults(example('10.0.1.3', 'Node', '10.0.1.2', 'nodE'));

-- shards
SELECT * FROM faults(example('[0, 1', '[-1, 0, 1, 16384, 9223372036854775807'));
SELECT * FROM faults(example('shard_count = 16', 'shard_count = 12'));
SELECT * FROM faults(example('shard_count = 16', 'shard_count = 20'));
SELECT * FROM faults(example('shards = [0, 1, 2, 3, 4, 5, 6, 7]' || E'\n\n', E'shards = [0, 2, 4, 6, 7]\n\n'));
SELECT * FROM faults(example('[8, 9, 10, 11, 12, 13, 14, 15]' || E'\nreplica_shards = [0, 1, 2, 3,', '[1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14, 15]' || E'\nreplica_shards = [0, 1, 2, 3,'));
SELECT * FROM faults(example('[0, 1, 2, 3, 4, 5, 6, 7]' || E'\n\n[[nodes]]\nid = "node2"', E'[0, 1, 1, 1, 2, 3, 4, 5, 6, 7,\n7, 6]\n\n[[nodes]]\nid = "node2"'));
SELECT * FROM faults(example(E'\nreplica_shards = [8, 9', E'\nreplica_shards = [8, 8, 9'));
SELECT * FROM faults(example(E'\nreplica_shards = [0', E'\nreplica_shards = [8, 9, 0'));
SELECT * FROM faults(example('factor = 2', 'factor = 1'));
SELECT * FROM faults(example('factor = 2', 'factor = 3'));
SELECT * FROM faults(example('replica_shards = [8, 9, 10, ', 'replica_shards = [0, 9, '));

-- many faults at once, each by its line, and no more than a thousand
SELECT * FROM faults($$node_id = "node9"
cluster_nam = "x"
replication_mode = 3
replication_factor = 3
shard_count = 8
sharding_strategy = "ByTime"
time_shard_duration = "1mo"
[[nodes]]
id = "n1"
address = "10.0.0.1:x"
shards = [0, 1, 2, 3, 3, 9]
[[nodes]]
id = "n1"
address = "10.0.0.2"
shards = [3, 4, 5]
replica_shards = [0, 1, 4]
password = "secret"
[[nodes]]
address = "10.0.0.2:5432"
shards = [5]
$$);
SELECT count(*), count(line), max(line), max(message) FILTER (WHERE line IS NULL AND message ~ 'more')
  FROM rusts_cluster_validate((SELECT string_agg('x' || i || ' = 1', E'\n') FROM generate_series(1, 2000) i));

-- as many shards and nodes as there may be
CREATE FUNCTION large(nodes int, shards int) RETURNS text LANGUAGE sql AS $$
SELECT format(E'node_id = "n1"\ncluster_name = "large"\nreplication_mode = "Async"\nreplication_factor = 2\n'
	'shard_count = %s\nsharding_strategy = "BySeries"\n', shards) ||
	string_agg(format(E'[[nodes]]\nid = "n%s"\naddress = "host%s"\nshards = [%s]\nreplica_shards = [%s]\n', n, n,
		(SELECT string_agg(s::text, ',') FROM generate_series(n - 1, shards - 1, nodes) s),
		(SELECT string_agg(s::text, ',') FROM generate_series(n % nodes, shards - 1, nodes) s)), '')
  FROM generate_series(1, nodes) n
$$;
SELECT * FROM faults(large(1024, 16384));
SELECT count(*), sum(cardinality(shards)), min(cardinality(shards)), max(cardinality(shards)), count(DISTINCT "primary"),
	bool_and(cardinality(replicas) = 1), min(group_number), max(group_number)
  FROM rusts_cluster_groups(large(1024, 16384));
SELECT * FROM faults(large(1025, 16384));
SELECT * FROM faults(large(3, 16385)) f WHERE f !~ '^\d+: 16384 in';
SELECT * FROM faults(replace(large(1, 3), '[0', '[0' || repeat(',0', 200000)));

-- a faulty one has no groups
\set VERBOSITY terse
SELECT * FROM rusts_cluster_groups(example('factor = 2', 'factor = 1'));
\set VERBOSITY default
SELECT * FROM rusts_cluster_groups(example('10.0.1.', '10.0.1', '"Quorum"', '"None"', 'cluster_name', 'name',
	'node_id', 'nodeid', 'shard_count = 16', 'shard_count = 15'));

-- the configured file: who may have it looked at; there is none here
SHOW rusts.cluster_config;
SELECT * FROM rusts_cluster_validate();
SELECT * FROM rusts_cluster_groups();
SELECT context, vartype, boot_val FROM pg_settings WHERE name = 'rusts.cluster_config';
SET rusts.cluster_config = 'x';
CREATE ROLE regress_rusts_nobody;
CREATE ROLE regress_rusts_monitor IN ROLE pg_monitor;
GRANT USAGE ON SCHEMA cluster_config TO regress_rusts_nobody, regress_rusts_monitor;
SET ROLE regress_rusts_monitor;
SELECT * FROM rusts_cluster_validate();
SET ROLE regress_rusts_nobody;
SELECT * FROM rusts_cluster_validate();
SELECT * FROM rusts_cluster_groups(NULL);
SELECT count(*) FROM pg_settings WHERE name = 'rusts.cluster_config';
SELECT * FROM faults(example('factor = 2', 'factor = 1'));
RESET ROLE;

DROP OWNED BY regress_rusts_nobody, regress_rusts_monitor;
DROP ROLE regress_rusts_nobody, regress_rusts_monitor;
\set VERBOSITY terse
DROP SCHEMA cluster_config CASCADE;
