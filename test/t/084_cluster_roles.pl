# Rows get to other nodes as the role that has written them, whoever commits:
# functions with their owner's rights, views, SET ROLE.
#
# test/t/084_cluster_roles.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = ClusterTest->new('roles', factor => 2, shards => 6);

# alice may log in, carol may not; bob has no rights on their measurements.
$cluster->sql($_, q{CREATE ROLE alice LOGIN; CREATE ROLE carol; CREATE ROLE bob LOGIN;
	GRANT carol TO alice;
	GRANT CREATE ON SCHEMA public TO alice, bob, carol}) for 1 .. 3;

sub as
{
	my ($role, $number, $sql) = @_;
	my ($out, $err) = ('', '');

	$cluster->server($number)->psql('postgres', $sql, stdout => \$out,
		stderr => \$err, on_error_stop => 1, extra_params => [ '-U', $role ]);
	return $err ne '' ? $err : $out;
}

# All nodes have what others had for them.
sub settle
{
	$cluster->server($_)->poll_query_until('postgres',
		'SELECT count(*) = 0 FROM rusts.cluster_hint') for 1 .. 3;
	return;
}

# The copies of each part agree, and all nodes have the same points.
sub check
{
	my ($measurement, $expected, $test_name) = @_;
	my $sums = "concat_ws('/', count(*), sum(v))";

	settle();
	for my $i (1 .. 3)
	{
		is($cluster->sql($i, "SELECT $sums FROM $measurement"), $expected,
			"$test_name, node $i");
	}
	my $parts = $cluster->parts($measurement, $sums, 1 .. 3);

	is_deeply([ grep { $_->[0] ne $_->[1] || @$_ != 2 } values %$parts ], [],
		"$test_name: copies agree");
	return;
}

for my $mode (qw(Sync Quorum Async))
{
	my $m = lc $mode;

	$cluster->{mode} = $mode;
	$cluster->write_config;
	$cluster->apply;
	for my $owner (qw(alice carol))
	{
		my $t = "${m}_$owner";
		my $what = "$mode, $owner";

		$cluster->sql(1, "SELECT rusts_write('$t,host=h v=0 1')");
		settle();
		$cluster->sql(1, "ALTER TABLE $t OWNER TO $owner");
		for my $i (1 .. 3)
		{
			$cluster->sql($i, <<"END");
SET ROLE $owner;
CREATE FUNCTION add_$t(a int, b int) RETURNS void SECURITY DEFINER
LANGUAGE sql SET search_path = public AS
	'INSERT INTO $t (time, host, v)
	SELECT timestamptz ''2024-01-01'' + i * interval ''1 s'', ''h'' || i % 20, i
	FROM generate_series(a, b) AS i';
CREATE FUNCTION line_$t(n int) RETURNS bigint SECURITY DEFINER
LANGUAGE sql SET search_path = public AS
	'SELECT rusts_write(format(''$t,host=l%s v=%s 1'', n % 10, n))';
CREATE FUNCTION raise_$t(n int) RETURNS void SECURITY DEFINER
LANGUAGE sql SET search_path = public AS
	'UPDATE $t SET v = v + 1000 WHERE host = ''h'' || n';
CREATE FUNCTION drop_$t(n int) RETURNS void SECURITY DEFINER
LANGUAGE sql SET search_path = public AS
	'DELETE FROM $t WHERE host = ''h'' || n';
CREATE VIEW view_$t WITH (security_barrier) AS SELECT * FROM $t;
GRANT INSERT, SELECT, UPDATE, DELETE ON view_$t TO bob;
END
		}

		# A view's points of other nodes are read as the owner, who has to be
		# a role that may log in.
		my $reads = $owner eq 'alice';

		is(as('bob', 1, "SELECT add_$t(1, 100)"), '', "$what: a function");
		check($t, '101/5050', "$what: inserted");
		like(as('bob', $_, "INSERT INTO $t (time, host, v) VALUES (now(), 'h', 1)"),
			qr/permission denied/, "$what: not by himself, node $_") for 1 .. 3;
		like(as('bob', 2, "BEGIN; SELECT add_$t(101, 200);
			INSERT INTO $t (time, host, v) VALUES (now(), 'h', 1); COMMIT"),
			qr/permission denied/, "$what: nor in one transaction");
		check($t, '101/5050', "$what: nothing of it");
		is(as('bob', 3, "SELECT line_$t(7)"), '1', "$what: line protocol");
		check($t, '102/5057', "$what: line protocol");
		like(as('bob', 3, "BEGIN; SELECT add_$t(101, 110);
			SELECT rusts_write('bob_$t,host=h v=1 1');
			SELECT rusts_write('bob_$t,host=h v=3 2'); SELECT add_$t(111, 120); COMMIT"),
			qr/^\s*1\s*1\s*$/, "$what: what he may write himself, in one transaction");
		check($t, '122/7267', "$what: both");
		check("bob_$t", '2/4', "$what: both, his own");

		is(as('bob', 1, "INSERT INTO view_$t (time, host, v)
			SELECT timestamptz '2025-01-01', 'v' || i, i FROM generate_series(1, 20) AS i"),
			'', "$what: INSERT into a view");
		check($t, '142/7477', "$what: a view");
		if ($reads)
		{
			is(as('bob', 1, "SELECT raise_$t(3)"), '', "$what: UPDATE");
			check($t, '142/13477', "$what: updated");
			is(as('bob', 2, "SELECT drop_$t(3)"), '', "$what: DELETE");
			check($t, '136/7159', "$what: deleted");
			is(as('bob', 3, "UPDATE view_$t SET v = v + 1 WHERE host LIKE 'v%'"), '',
				"$what: UPDATE of a view");
			check($t, '136/7179', "$what: a view is updated");
			is(as('bob', 1, "DELETE FROM view_$t WHERE host LIKE 'v%'"), '',
				"$what: DELETE from a view");
			check($t, '116/6949', "$what: deleted from a view");
			like(as('bob', $_, "UPDATE $t SET v = 0"), qr/permission denied/,
				"$what: not by himself, node $_") for 1 .. 3;
		}
	}

	# In their order, whoever has written them.
	my $t = "${m}_alice";

	$cluster->sql(1, "SET ROLE alice; GRANT SELECT, INSERT ON $t TO carol");
	is(as('alice', 2, "BEGIN; SET ROLE carol;
		INSERT INTO $t (time, host, v) SELECT '2026-01-01', 'o' || i, 1
			FROM generate_series(1, 30) AS i;
		RESET ROLE;
		INSERT INTO $t (time, host, v) SELECT '2026-01-01', 'o' || i, 2
			FROM generate_series(1, 30) AS i;
		SET ROLE carol; COMMIT"), '', "$mode: SET ROLE");
	check($t, '146/7009', "$mode: the last one counts");
	is(as('alice', 3, "BEGIN; COMMENT ON TABLE $t IS 'x'; SET ROLE carol;
		INSERT INTO $t (time, host, v) VALUES ('2026-02-01', 'o', 1); COMMIT"), '',
		"$mode: a statement of one and rows of another");
	check($t, '147/7010', "$mode: a statement");

	# With a node away.
	next if $mode eq 'Sync';
	$cluster->server(3)->stop('fast');
	my $outcome = as('bob', 1, "SELECT add_$t(1001, 1010)");

	if ($mode eq 'Quorum')
	{
		like($outcome, qr/cannot write to shards/, 'Quorum: a node is away');
		$cluster->server(3)->start;
		check($t, '147/7010', 'Quorum: nothing is written');
	}
	else
	{
		is($outcome, '', 'Async: a node is away');
		$cluster->server(3)->start;
		$cluster->server(3)->poll_query_until('postgres',
			"SELECT count(*) = 157 FROM $t");
		check($t, '157/17065', 'Async: it gets the rows');
	}
}

# These functions are the cluster's.
like(as('bob', 1, $_), qr/permission denied for function/, "bob: $_")
  for q{SELECT rusts.store_image_as('x', '{}', '', '', 'alice')},
  q{SELECT rusts.delete_points_as('x', '{}', '', 'alice')},
  q{SELECT rusts.cluster_statement_as('SELECT 1', '{}', 'alice')};

# What constraints call does not get the rights of the cluster, whether points
# come at once or are handed over.
$cluster->sql(1, "SET ROLE alice; SELECT rusts_write('trap,host=h v=0 1')");
settle();
$cluster->sql($_, <<'END') for 1 .. 3;
CREATE TABLE public.users (name text);
GRANT INSERT ON public.users TO PUBLIC;
SET ROLE alice;
CREATE FUNCTION spring(float8) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	RESET ROLE;
	INSERT INTO public.users VALUES (current_user);
	RETURN true;
EXCEPTION WHEN OTHERS THEN
	INSERT INTO public.users VALUES (current_user);
	RETURN true;
END $$
END
$cluster->sql(1, 'SET ROLE alice; ALTER TABLE trap ADD CHECK (spring(v))');
$cluster->sql($_, 'TRUNCATE users') for 1 .. 3;
is(as('alice', 1, q{BEGIN; SET ROLE carol; RESET ROLE;
	INSERT INTO trap (time, host, v) SELECT now(), 'h' || i, i
	FROM generate_series(1, 20) AS i; SELECT add_async_alice(1, 2); COMMIT}), '',
	'constraints with functions');
is(as('alice', 1, q{BEGIN; INSERT INTO trap (time, host, v) SELECT now(), 'i' || i, i
	FROM generate_series(1, 20) AS i; SELECT add_async_carol(1, 2); COMMIT}), '',
	'... with two roles');
check('trap', '41/420', 'trap');
is($cluster->sql($_, "SELECT string_agg(DISTINCT name, ',') FROM users"), 'alice',
	"functions in constraints run as users, node $_") for 1 .. 3;

$cluster->stop;
done_testing();
