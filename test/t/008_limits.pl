# Statements that are cut short, a full disk, memory: what was acknowledged
# stays, what was not leaves nothing, and the server goes on.

use strict;
use warnings;

# A small file system needs a mount, which an unprivileged user may do in a
# namespace of his own, if anywhere.  The test moves there before its output
# is redirected.
BEGIN
{
	if (!defined $ENV{RUSTS_TEST_MOUNTS})
	{
		my @unshare = (
			'unshare', '--user', "--map-user=$<",
			'--map-group=' . (split ' ', $()[0],
			'--keep-caps', '--mount');

		$ENV{RUSTS_TEST_MOUNTS} =
		  system("@unshare true >/dev/null 2>&1") == 0 ? 'yes' : 'no';
		exec @unshare, $^X, (map { "-I$_" } @INC), $0
		  if $ENV{RUSTS_TEST_MOUNTS} eq 'yes';
	}
}

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $node = new_node(
	'limits', conf => <<'END');
shared_buffers = 16MB
max_wal_size = 200MB
rusts.flush_max_age = 1d
rusts.flush_max_points = 2000000000
END
$node->safe_psql(
	'postgres', q{
	CREATE TABLE m (time timestamptz NOT NULL, i int8, s text) USING rusts;
	INSERT INTO m SELECT now(), i, md5(i::text) FROM generate_series(1, 10) i});

# Statements that would take very long, and how they are cut short once they
# have written pages.
my $endless =
  q{SELECT now(), i, md5(i::text) FROM generate_series(1, 30000) i, generate_series(1, 30000) j};
my %statements = (
	INSERT => "INSERT INTO m $endless",
	COPY => q{COPY m FROM PROGRAM 'yes "2024-01-01	1	abcdefghijklmnopqrstuvwxyz"'},
	rusts_write => q{SELECT sum(rusts_write(l)) FROM generate_series(1, 100000) j,
		LATERAL (SELECT string_agg('m i=' || i || 'i,s="' || md5(i::text) || '" ' || j * 1000, E'\n') AS l
				   FROM generate_series(j, j + 10000) i) x},
	'rusts_write, one call' => q{SELECT rusts_write(l) FROM (
		SELECT repeat('m i=1i,s="abc" 1000' || E'\n', 10000000) AS l) x});
my $sum = 'SELECT count(*), sum(i) FROM m';
foreach my $name (sort keys %statements)
{
	my $session = open_session($node);
	my $blocks = $node->safe_psql('postgres', q{SELECT pg_relation_size('m')});
	my $pid = tell_session($session, 'SELECT pg_backend_pid()');

	tell_session($session, "SET work_mem = '64kB'; $statements{$name}",
		no_wait => 1);
	if ($name eq 'INSERT' || $name eq 'COPY')
	{
		$node->poll_query_until('postgres',
			"SELECT pg_relation_size('m') > $blocks") or die;
	}
	else
	{
		$node->poll_query_until(
			'postgres', qq{
			SELECT state = 'active' AND query ~ 'rusts_write'
			  FROM pg_stat_activity WHERE pid = $pid}) or die;
	}
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	is(tell_session($session, $sum),
		'10|55', "$name, cancelled: nothing of it is visible in its session");
	like($session->{err}, qr/canceling statement due to user request/,
		"$name, cancelled: the error");
	is($node->safe_psql('postgres', $sum),
		'10|55', "$name, cancelled: nor in others");

	# The same session goes on, in a transaction with a savepoint.
	$session->{err} = '';
	is( tell_session(
			$session, qq{
			BEGIN;
			INSERT INTO m VALUES (now(), 1000, 'a');
			SAVEPOINT a;
			INSERT INTO m VALUES (now(), 2000, 'a');
			SET LOCAL statement_timeout = 200;
			$statements{$name};
			ROLLBACK TO a;
			INSERT INTO m VALUES (now(), 3000, 'a');
			$sum;
			ROLLBACK;
			$sum}),
		"12|4055\n10|55",
		"$name, statement_timeout: a transaction goes on from its savepoint");
	like(
		$session->{err},
		qr/canceling statement due to statement timeout/,
		"$name, statement_timeout: the error");
	close_session($session);
}
consistent($node, 'postgres', 'directory, files and scans agree');

# Memory of a backend that writes many rows in a statement.
SKIP:
{
	skip 'no /proc', 9 if !-r '/proc/self/status';
	my $n = 3000000;
	my %large = (
		INSERT =>
		  "INSERT INTO large SELECT '2024-01-01'::timestamptz + i * interval '1 second', i, i FROM generate_series(1, $n / 1000) j, generate_series((j - 1) * 1000 + 1, j * 1000) i",
		COPY =>
		  qq{COPY large FROM PROGRAM 'seq $n | sed "s/.*/2024-01-01	&	&/"'},
		rusts_write => qq{SELECT sum(rusts_write(l)) FROM generate_series(1, $n, 10000) j,
			LATERAL (SELECT string_agg('large i=' || i || 'i,v=' || i || ' ' || i || '000', E'\\n') AS l
					   FROM generate_series(j, j + 9999) i) x});
	foreach my $name (sort keys %large)
	{
		my $session = open_session($node);
		my $pid = tell_session($session,
			'CREATE TABLE large (time timestamptz NOT NULL, i int8, v float8) USING rusts; SELECT pg_backend_pid()');

		tell_session($session, "SET work_mem = '1MB'; $large{$name}");
		my ($peak_kb) =
		  slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB$/m;

		# It includes the server's 16 MB of shared buffers.
		is($session->{err}, '', "$name of $n rows");
		note "$name: $peak_kb kB";
		cmp_ok($peak_kb, '<', 256 * 1024,
			"$name of $n rows: the backend's memory");
		is(tell_session($session, 'SELECT count(*), sum(i) FROM large; DROP TABLE large'),
			"$n|" . $n * ($n + 1) / 2, "$name of $n rows: they are there");
		close_session($session);
	}
}

# A full disk.  WAL is elsewhere: without WAL no server runs.
SKIP:
{
	skip 'mounting a small file system is not permitted', 8
	  if $ENV{RUSTS_TEST_MOUNTS} ne 'yes';
	my $dir = $node->basedir . '/small';
	mkdir $dir or die;
	system_or_bail('mount', '-t', 'tmpfs', '-o', 'size=24m', 'rusts_test', $dir);
	chmod 0700, $dir;
	$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$dir'");

	# The mount belongs to this process's namespace: so must the server.
	$node->safe_psql('postgres', 'CREATE DATABASE small TABLESPACE small');
	$node->safe_psql('small', 'CREATE EXTENSION rusts');
	my %acked = (active => 0, hot => 0);
	my $random = q{md5(random()::text) || md5(random()::text) || md5(random()::text)};
	my %write = (
		active => qq{SELECT rusts_write(string_agg('active i=' || i || 'i,s="' || $random || '" ' || i * 1000, E'\\n')) FROM generate_series(1, 1000) i},
		hot => qq{INSERT INTO hot SELECT now(), i, $random FROM generate_series(1, 30000) i});
	my %rows = (active => 1000, hot => 30000);

	$node->safe_psql('small', q{
		CREATE TABLE active (time timestamptz NOT NULL, i int8, s text) USING rusts;
		CREATE TABLE hot (LIKE active INCLUDING ALL) USING rusts});
	for (1 .. 5)
	{
		$node->safe_psql('small', $write{active});
		$acked{active} += $rows{active};
	}

	# A new database's files have holes.
	$node->safe_psql('small', 'CHECKPOINT');

	# Many rows fill what is left in large steps, few in small ones.
	foreach my $m ('hot', 'active')
	{
		my $stderr = '';

		while ($stderr eq '' && $acked{$m} < 1000000)
		{
			(undef, undef, $stderr) = $node->psql('small', $write{$m},
				extra_params => [ '-v', 'VERBOSITY=verbose' ]);
			$acked{$m} += $rows{$m} if $stderr eq '';
		}
		like(
			$stderr,
			qr/ERROR:  53100: could not extend .*No space left on device/,
			"$m: a full disk is a clear error");
		note "$m: $acked{$m} rows were acknowledged";
	}
	my $counts = 'SELECT (SELECT count(*) FROM active), (SELECT count(*) FROM hot)';
	is($node->safe_psql('small', $counts),
		"$acked{active}|$acked{hot}", 'what was acknowledged is there');
	fails_with($node, 'small', 'SELECT rusts_flush()', '53100',
		'No space left on device', 'no space to flush');
	stop_hard($node, 'IMMEDIATE');
	$node->start;
	is($node->safe_psql('small', $counts),
		"$acked{active}|$acked{hot}", 'and after a crash');
	system_or_bail('mount', '-o', 'remount,size=200m', $dir);
	$node->safe_psql('small', $write{$_}) foreach 'active', 'hot';
	$node->append_conf('postgresql.conf', 'rusts.flush_max_points = 1000');
	$node->reload;
	wait_until($node, 'small',
		q{SELECT count(*) = 0 FROM rusts.segments WHERE tier = 'active'},
		'with space the worker flushes');
	is( $node->safe_psql('small', $counts),
		($acked{active} + 1000) . '|' . ($acked{hot} + 30000),
		'and nothing is lost');
	consistent($node, 'small', 'directory, files and scans agree');
	$node->safe_psql('postgres', 'DROP DATABASE small');
	$node->safe_psql('postgres', 'DROP TABLESPACE small');
	$node->stop;
	system_or_bail('umount', $dir);
}
$node->stop;
done_testing();
