# Connections to other nodes, and transactions on several of them, by way of
# the functions of test/modules/rusts_test_cluster.c: nodes that are stopped,
# frozen, or refuse; waits that are cancelled; what is in doubt after a crash.
#
# test/t/061_cluster_link.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $conf = <<'END';
listen_addresses = '127.0.0.1'
max_prepared_transactions = 20
rusts.cluster_timeout = 60s
log_statement = none
END
my $here = new_node('here', conf => $conf);
my @nodes = map { new_node($_, conf => $conf) } 'one', 'two';
my ($one, $two) = @nodes;
my $ports = 'ARRAY[' . join(', ', map { $_->port } @nodes) . ']';

$here->safe_psql('postgres', <<'END');
CREATE FUNCTION run(host text, ports int[], commands text[],
					"user" text DEFAULT NULL, passfile text DEFAULT NULL)
RETURNS TABLE (node int, outcome text, sqlstate text, message text,
			   detail text, results text)
AS '$libdir/rusts_test_cluster', 'test_run' LANGUAGE C;
CREATE FUNCTION echo_bytes(host text, ports int[], size int, times int)
RETURNS int AS '$libdir/rusts_test_cluster', 'test_echo_bytes' LANGUAGE C;
CREATE FUNCTION close_all() RETURNS void
AS '$libdir/rusts_test_cluster', 'test_close_all' LANGUAGE C;
CREATE FUNCTION prepare(host text, ports int[], command text, decide bool,
						finish bool)
RETURNS text AS '$libdir/rusts_test_cluster', 'test_prepare' LANGUAGE C;
CREATE FUNCTION resolve(host text, ports int[]) RETURNS text
AS '$libdir/rusts_test_cluster', 'test_resolve' LANGUAGE C;
CREATE FUNCTION parse_gid(gid text) RETURNS text
AS '$libdir/rusts_test_cluster', 'test_parse_gid' LANGUAGE C STRICT;
CREATE ROLE joe;
END
$_->safe_psql('postgres', <<'END') foreach @nodes;
CREATE TABLE t (a int);
CREATE ROLE joe LOGIN;
CREATE ROLE locked LOGIN PASSWORD 'trustno1';
END
$one->safe_psql('postgres', 'CREATE TABLE only_one ()');

# One node has TLS, where openssl is there to make it a certificate.
{
	my ($crt, $key) = map { $two->data_dir . "/server.$_" } 'crt', 'key';

	if (run_log(
			[
				'openssl', 'req', '-new', '-x509', '-nodes', '-subj', '/CN=two',
				'-newkey', 'rsa:2048', '-keyout', $key, '-out', $crt
			]))
	{
		chmod 0600, $key;
		$two->append_conf('postgresql.conf', 'ssl = on');
		$two->restart;
		is( $here->safe_psql(
				'postgres',
				"SELECT results FROM run('127.0.0.1', ARRAY[${\ $two->port}],"
				  . q{ARRAY['SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'])}
			),
			't',
			'TLS');
	}
}

# A call of run, as lines of text.
sub run_sql
{
	my ($commands, $which, $more) = @_;

	return "SELECT * FROM run('127.0.0.1', "
	  . ($which // $ports)
	  . ", ARRAY[\$\$$commands\$\$]"
	  . ($more // '') . ')';
}

sub prepare_sql
{
	my ($command, $decide, $finish) = @_;

	return "SELECT prepare('127.0.0.1', $ports, '$command', $decide, $finish)";
}

sub resolve
{
	my ($timeout) = @_;

	return $here->safe_psql('postgres',
		($timeout ? "SET rusts.cluster_timeout = $timeout;" : '')
		. "SELECT resolve('127.0.0.1', $ports)");
}

sub put_file
{
	my ($path, $content) = @_;

	open my $fh, '>', $path or die "could not write $path: $!";
	print $fh $content;
	close $fh or die "could not write $path: $!";
	return;
}

# Signal a server and all its processes.
sub signal_all
{
	my ($node, $signal) = @_;
	my $postmaster = $node->{_pid};
	my @pids = ($postmaster);

	foreach my $stat (glob '/proc/[0-9]*/stat')
	{
		open my $fh, '<', $stat or next;
		my $line = <$fh> // '';
		push @pids, $1
		  if $line =~ /^(\d+) \(.*\) \S (\d+) / && $2 == $postmaster;
	}
	kill $signal, @pids;
	return;
}

# How many sockets and the like a process has.
sub sockets
{
	my ($pid) = @_;

	return scalar grep { (readlink($_) // '') =~ /socket:|eventpoll/ }
	  glob "/proc/$pid/fd/*";
}

# One test: so many rows in t of each node, and prepared transactions.
sub there_are
{
	my ($expected, $test_name) = @_;
	my $query = 'SELECT (SELECT count(*) FROM t), count(*) FROM pg_prepared_xacts';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(
		join(' ', map { $_->safe_psql('postgres', $query) } @nodes),
		$expected, $test_name);
}

my $session = open_session($here);

# What a session is.
is( tell_session(
		$session,
		run_sql(q{SELECT concat_ws(' ', current_user, current_database(),
			current_setting('application_name'), current_setting('search_path'),
			current_setting('client_encoding'), current_setting('DateStyle'))})),
	join("\n",
		map { "$_|ok||||"
			  . $here->safe_psql('postgres', 'SELECT current_user')
			  . ' postgres rusts:test:here pg_catalog UTF8 ISO, MDY' } 1, 2),
	'both nodes at once');
my $pids = tell_session($session, run_sql('SELECT pg_backend_pid()'));
is(tell_session($session, run_sql('SELECT pg_backend_pid()')),
	$pids, 'connections are kept');
tell_session($session, 'SELECT close_all()');
isnt(tell_session($session, run_sql('SELECT pg_backend_pid()')),
	$pids, 'and closed when asked');

# SQL errors.
is( tell_session($session,
		run_sql(q{SELECT 1$$, $$SELECT 'x' FROM public.only_one$$, $$SELECT 2})),
	"1|ok||||1,,2\n"
	  . '2|refused|42P01|node "n2": relation "public.only_one" does not exist||1,,',
	'an error on one of them');
$pids = tell_session($session, run_sql('SELECT pg_backend_pid()'));
like(tell_session($session, run_sql('BEGIN$$, $$SELECT 1/0')),
	qr/1\|refused\|22012\|node "n1": division by zero.*2\|refused/s,
	'an error in a transaction');
my $other_pids = tell_session($session, run_sql('SELECT pg_backend_pid()'));
isnt($other_pids, $pids, 'it is not left open');
is(tell_session($session, run_sql("DO 'BEGIN RAISE WARNING ''psst''; END'")),
	"1|ok||||\n2|ok||||", 'warnings over there are no business of ours');
like(tell_session($session, run_sql('COPY public.t FROM STDIN')),
	qr/1\|unreachable\|08P01\|node "n1": unexpected answer/, 'COPY is none');

# Roles.
tell_session($session, 'GRANT USAGE ON SCHEMA public TO joe; SET ROLE joe');
like(tell_session($session, run_sql('SELECT current_user')),
	qr/1\|ok\|.*\|joe\n2\|ok\|.*\|joe/, 'the role is that of the session');
$pids = tell_session($session, run_sql('SELECT pg_backend_pid()'));
foreach my $node ($here, @nodes)
{
	$node->safe_psql('postgres', 'ALTER ROLE joe RENAME TO jack');
}
like(tell_session($session, run_sql('SELECT current_user')),
	qr/1\|ok\|.*\|jack\n2\|ok\|.*\|jack/, 'its new name counts');
isnt(tell_session($session, run_sql('SELECT pg_backend_pid()')),
	$pids, 'on a new connection');
tell_session($session, 'RESET ROLE');

# Passwords.
my $passfile = $here->basedir . '/passfile';
my $hba = $two->data_dir . '/pg_hba.conf';
put_file($passfile, "127.0.0.1:*:*:locked:wrongword\n");
chmod 0600, $passfile;
put_file($hba,
	"host all locked 127.0.0.1/32 scram-sha-256\n" . slurp_file($hba));
$two->reload;
my $as_locked = ", 'locked', '$passfile'";
ok( $here->poll_query_until(
		'postgres',
		"SELECT outcome = 'unreachable' FROM run('127.0.0.1', ARRAY[${\ $two->port}], ARRAY['SELECT 1'], 'locked', '$passfile')"),
	'a wrong password');
is( tell_session($session, run_sql('SELECT 1', undef, $as_locked)),
	"1|ok||||1\n2|unreachable|08001|could not connect to node \"n2\"|"
	  . 'FATAL:  password authentication failed for user "locked"|',
	'what it says');
put_file($passfile, "127.0.0.1:*:*:locked:trustno1\n");
is( tell_session($session, run_sql('SELECT 1', undef, $as_locked)),
	"1|ok||||1\n2|ok||||1", 'the right one');
unlike(slurp_file($_->logfile), qr/wrongword/, 'not in the log')
  foreach $here, @nodes;

# Much to send and to receive at once.
is( tell_session($session,
		"SELECT echo_bytes('127.0.0.1', $ports, 16 * 1024 * 1024, 4)"),
	'2', '16 MB both ways');
is( tell_session($session,
		"SELECT echo_bytes('127.0.0.1', $ports, 100, 10000)"),
	'2', 'many small ones');

# Nobody there.
my $nobody = PostgreSQL::Test::Cluster::get_free_port();
is( tell_session($session, run_sql('SELECT 1', "ARRAY[$nobody]")),
	'1|unreachable|08001|could not connect to node "n1"|Connection refused|',
	'connection refused');
is( tell_session(
		$session,
		"SELECT detail FROM run('no.such.host.invalid', ARRAY[1], ARRAY['SELECT 1'])")
	  =~ s/: .*//r,
	'could not translate host name "..." to address',
	'messages have no host');

# A server that goes and comes back.
$pids = tell_session($session, run_sql('SELECT pg_backend_pid()'));
my ($pid_one) = $pids =~ /^(.*)$/m;
$two->stop('fast');
like(tell_session($session, run_sql('SELECT pg_backend_pid()')),
	qr/^\Q$pid_one\E\n2\|unreachable\|08001\|could not connect to node "n2"\|Connection refused/,
	'one is stopped');
$two->start;
like(tell_session($session, run_sql('SELECT pg_backend_pid()')),
	qr/^\Q$pid_one\E\n2\|ok/, 'and started');
tell_session($session, run_sql('SELECT 1'));
$two->restart;
like(tell_session($session, run_sql('SELECT pg_backend_pid()')),
	qr/^\Q$pid_one\E\n2\|ok/, 'restarted unnoticed');

# It ends while it is asked.
my $blocker = open_session($two);
tell_session($blocker, 'BEGIN; LOCK TABLE t');
tell_session($session, run_sql('SELECT * FROM public.t'), no_wait => 1);
wait_waiting($two, 'public.t');
$two->safe_psql('postgres', q{
	SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	 WHERE application_name = 'rusts:test:here' AND wait_event_type = 'Lock'});
like(tell_session($session, 'SELECT'),
	qr/2\|unreachable\|08006\|connection to node "n2" was lost\|FATAL:  terminating connection due to administrator command/,
	'ended at work');

# Cancel, while one of them waits for a lock.
tell_session($session, run_sql('SELECT * FROM public.t'), no_wait => 1);
wait_waiting($two, 'public.t');
$here->safe_psql('postgres', q{
	SELECT pg_cancel_backend(pid) FROM pg_stat_activity
	 WHERE query LIKE '%public.t%' AND pid <> pg_backend_pid()});
tell_session($session, 'SELECT');
like($session->{err}, qr/canceling statement due to user request/, 'cancel');
wait_until($two, 'postgres',
	q{SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'},
	'nobody goes on there');
tell_session($blocker, 'COMMIT');
is( tell_session($session, run_sql('SELECT count(*) FROM public.t')),
	"1|ok||||0\n2|ok||||0", 'afterwards');
close_session($blocker);

# Interrupted anywhere, it leaves nothing behind.
my $pid = tell_session($session, 'SELECT close_all(); SELECT pg_backend_pid()');
$pid =~ s/\s//g;
my $before = sockets($pid);
foreach my $ms (1 .. 60)
{
	tell_session($session, "SET statement_timeout = $ms");
	tell_session($session,
		"SELECT echo_bytes('127.0.0.1', $ports, 256 * 1024, 8)");
	tell_session($session, 'BEGIN');
	tell_session($session, prepare_sql('SELECT 1', 'true', 'true'));
	tell_session($session, $ms % 2 ? 'ROLLBACK' : 'COMMIT');
}
tell_session($session, 'SET statement_timeout = 0; SELECT close_all()');
is(sockets($pid), $before, 'interrupted: no socket stays');
foreach my $node (@nodes)
{
	wait_until($node, 'postgres',
		q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'rusts:test:here'},
		'nor a session over there');
}
resolve();
there_are('0|0 0|0', 'nor anything prepared');
is($here->safe_psql('postgres', 'SELECT count(*) FROM rusts.cluster_decision'),
	'0', 'nor a decision');

# Frozen: with a connection and without.
tell_session($session, run_sql('SELECT 1'));
tell_session($session, 'SET rusts.cluster_timeout = 1000');
signal_all($two, 'STOP');
my $start = time;
is( tell_session($session, run_sql('SELECT 1')),
	"1|ok||||1\n2|unreachable|08006|node \"n2\" did not answer in time||",
	'frozen');
is( tell_session($session, run_sql('SELECT 1')),
	"1|ok||||1\n2|unreachable|08006|could not connect to node \"n2\" in time||",
	'still frozen');
cmp_ok(time - $start, '<', 60, 'within the deadline');
signal_all($two, 'CONT');
tell_session($session, run_sql('SELECT 1'));
signal_all($two, 'STOP');
$session->{err} = '';
tell_session($session,
	"SELECT echo_bytes('127.0.0.1', $ports, 16 * 1024 * 1024, 1)");
like($session->{err}, qr/ERROR:  node "n2" did not answer in time/,
	'frozen while much is sent');
signal_all($two, 'CONT');
tell_session($session, 'RESET rusts.cluster_timeout');
is(tell_session($session, run_sql('SELECT 1')),
	"1|ok||||1\n2|ok||||1", 'thawed');

# Two-phase commit.
my $insert = 'INSERT INTO public.t VALUES (1)';
my $decisions = 'SELECT count(*) FROM rusts.cluster_decision';
tell_session($session, 'BEGIN');
is(tell_session($session, prepare_sql($insert, 'true', 'true')),
	'prepared prepared', 'prepare');
there_are('0|1 0|1', 'prepared');
is( resolve(),
	'committed 0, rolled back 0, in progress 2, failed 0, forgotten 0',
	'the resolver leaves what is in progress');
tell_session($session, 'COMMIT');
there_are('1|0 1|0', 'committed');
is($here->safe_psql('postgres', $decisions), '2', 'decided');
is( resolve(),
	'committed 0, rolled back 0, in progress 0, failed 0, forgotten 2',
	'decisions nobody needs');
is($here->safe_psql('postgres', $decisions), '0', 'are gone');
tell_session($session, 'BEGIN');
tell_session($session, prepare_sql($insert, 'true', 'true'));
tell_session($session, 'ROLLBACK');
there_are('1|0 1|0', 'rolled back');
is($here->safe_psql('postgres', $decisions), '0', 'no decision');

# One refuses; the others may do.
tell_session($session, 'BEGIN');
is( tell_session(
		$session,
		prepare_sql('INSERT INTO public.t SELECT 1 FROM public.only_one RIGHT JOIN (SELECT) x ON true',
			'true', 'true')),
	'prepared failed', 'one fails');
tell_session($session, 'COMMIT');
there_are('2|0 1|0', 'the other is committed');
tell_session($session, 'BEGIN');
tell_session($session, prepare_sql('INSERT INTO public.t VALUES (1), (1/0)', 'true', 'true'));
tell_session($session, 'COMMIT');
there_are('2|0 1|0', 'both fail');
is(tell_session($session, run_sql('SELECT 1')),
	"1|ok||||1\n2|ok||||1", 'no transaction is left open');
resolve();

# One waits for a lock: until time is up, or until somebody cancels.
$blocker = open_session($two);
tell_session($blocker, 'BEGIN; LOCK TABLE t');
tell_session($session, 'SET rusts.cluster_timeout = 3000');
tell_session($session, 'BEGIN');
like(tell_session($session, prepare_sql($insert, 'true', 'true')),
	qr/^prepared (?:failed|unknown)$/, 'one is locked');
tell_session($session, 'ROLLBACK');
tell_session($session, 'RESET rusts.cluster_timeout');
tell_session($session, 'BEGIN');
tell_session($session, prepare_sql($insert, 'true', 'true'), no_wait => 1);
wait_waiting($two, 'public.t');
wait_until($one, 'postgres', 'SELECT count(*) = 1 FROM pg_prepared_xacts',
	'the other prepares');
$here->safe_psql('postgres', q{
	SELECT pg_cancel_backend(pid) FROM pg_stat_activity
	 WHERE query LIKE '%SELECT prepare(%' AND pid <> pg_backend_pid()});
tell_session($session, 'ROLLBACK');
wait_until($two, 'postgres',
	q{SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'},
	'the one gives up');
close_session($blocker);
there_are('2|0 1|0', 'what had prepared is rolled back');

# One is too slow, but prepares in the end.
tell_session($session, run_sql('SELECT 1'));
tell_session($session, 'SET rusts.cluster_timeout = 1000');
signal_all($two, 'STOP');
tell_session($session, 'BEGIN');
is(tell_session($session, prepare_sql($insert, 'true', 'true')),
	'prepared unknown', 'one is frozen');
tell_session($session, 'COMMIT');
is($here->safe_psql('postgres', $decisions), '1', 'the other is decided');
signal_all($two, 'CONT');
tell_session($session, 'RESET rusts.cluster_timeout');
wait_until($two, 'postgres', 'SELECT count(*) = 1 FROM pg_prepared_xacts',
	'it prepares late');
is( resolve(),
	'committed 0, rolled back 1, in progress 0, failed 0, forgotten 1',
	'what was given up is rolled back');
there_are('3|0 1|0', 'only the other has it');

# One is frozen between prepare and commit.
tell_session($session, 'SET rusts.cluster_timeout = 1000');
tell_session($session, 'BEGIN');
tell_session($session, prepare_sql($insert, 'true', 'true'));
signal_all($two, 'STOP');
$session->{err} = '';
tell_session($session, 'COMMIT');
like(
	$session->{err},
	qr/WARNING:  could not commit at node "n2" yet.*did not answer in time/s,
	'a warning');
is(tell_session($session, 'SELECT 1'), '1', 'the session lives');
like(resolve(1000), qr/forgotten 0, not all reached/, 'the decision is kept');
signal_all($two, 'CONT');
wait_until($two, 'postgres', 'SELECT count(*) = 0 FROM pg_prepared_xacts',
	'told nevertheless');
there_are('4|0 2|0', 'committed late');
like(resolve(), qr/failed 0, forgotten 2/, 'now it may go');
tell_session($session, 'RESET rusts.cluster_timeout');

# The coordinator crashes before a decision.
tell_session($session, 'BEGIN');
tell_session($session, prepare_sql($insert, 'true', 'true'));
stop_hard($here, 'QUIT');
$here->start;
there_are('4|1 2|1', 'in doubt');
is( resolve(),
	'committed 0, rolled back 2, in progress 0, failed 0, forgotten 0',
	'no decision: rolled back');
there_are('4|0 2|0', 'nothing is left');

# And after it, before anybody was told.
$session = open_session($here);
tell_session($session, 'BEGIN');
tell_session($session, prepare_sql($insert, 'true', 'false'));
tell_session($session, 'COMMIT');
stop_hard($here, 'QUIT');
$here->start;
there_are('4|1 2|1', 'in doubt');
$one->stop('fast');
is( resolve(),
	'committed 1, rolled back 0, in progress 0, failed 0, forgotten 0, not all reached',
	'a decision: committed');
$one->start;
is( resolve(),
	'committed 1, rolled back 0, in progress 0, failed 0, forgotten 2',
	'on the other, when it is back');
there_are('5|0 3|0', 'nothing is left');

# Transactions of others are left alone.
$one->safe_psql('postgres', "BEGIN; $insert; PREPARE TRANSACTION 'rusts:test:there:1:0a'");
$one->safe_psql('postgres', "BEGIN; $insert; PREPARE TRANSACTION 'rusts:test:here:x'");
is( resolve(),
	'committed 0, rolled back 0, in progress 1, failed 0, forgotten 0',
	'what is not ours');
$one->safe_psql('postgres', "ROLLBACK PREPARED '$_'")
  foreach 'rusts:test:there:1:0a', 'rusts:test:here:x';
is( $here->safe_psql(
		'postgres', q{
		SELECT coalesce(parse_gid(g), '-') FROM unnest(ARRAY[
			'rusts:a:b:18446744073709551615:0123456789abcdef0000', 'rusts:a:b:1:',
			'rusts:a:b:1:0a ', 'rusts:a:b:18446744073709551616:0a',
			'rusts:a:b:-1:0a', 'rusts::b:1:0a', 'rust:a:b:1:0a', '']) g}),
	"a b 18446744073709551615\n-\n-\n-\n-\n-\n-\n-", 'gids');

close_session($session);

# Killed in the middle of many, again and again: what is committed here is there
# on both, and nothing else.
$_->safe_psql('postgres', 'CREATE TABLE w (round int, i int)')
  foreach $here, @nodes;
foreach my $round (1 .. 4)
{
	my $rows = "SELECT md5(string_agg(i::text, ' ' ORDER BY i)) FROM w WHERE round = $round";

	$session = open_session($here);
	tell_session(
		$session, qq{
		DO \$\$
		BEGIN
			FOR i IN 1 .. 1000000
			LOOP
				INSERT INTO w VALUES ($round, i);
				PERFORM prepare('127.0.0.1', $ports,
					format('INSERT INTO public.w VALUES ($round, %s)', i), true, true);
				COMMIT;
			END LOOP;
		END \$\$}, no_wait => 1);
	$one->poll_query_until('postgres',
		"SELECT count(*) > 30 FROM w WHERE round = $round") or die;
	kill_all($here);
	start_patiently($here);
	close_session($session);
	foreach my $node (@nodes)
	{
		$node->poll_query_until('postgres',
			q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'rusts:test:here'}
		) or die;
	}
	my $resolved = resolve();
	note $resolved;
	like($resolved, qr/in progress 0, failed 0/, 'killed, and resolved');
	is( join(' ', map { $_->safe_psql('postgres', $rows) } @nodes),
		join(' ', ($here->safe_psql('postgres', $rows)) x 2),
		'the same everywhere');
}
is( join(' ', map {
			$_->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts')
		} @nodes),
	'0 0', 'nothing is in doubt');

$_->stop foreach $here, @nodes;
done_testing();
