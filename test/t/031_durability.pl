# What a crash costs in each WAL mode.  All processes of the server are killed
# at once, with WAL buffers unwritten; that is what asynchronous commits lose.
# (What the operating system loses when it crashes is a matter of fsync, which
# is PostgreSQL's, and is not simulated here.)

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;
use Time::HiRes 'time';

# PostgreSQL's own walwriter is out of the way: what is flushed within seconds
# is flushed by us.
my $conf = <<'END';
rusts.flush_max_age = 1d
wal_writer_delay = 10s
autovacuum = off
checkpoint_timeout = 1h
log_min_messages = fatal
END
my $node = new_node('durability', conf => $conf);
my $behind =
  'SELECT pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()';
my $is_there =
  q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'rusts WAL sync worker'};

sub configure
{
	$node->append_conf('postgresql.conf', join "\n", @_);
	$node->reload;
	return;
}

sub crash
{
	kill_all($node);
	start_patiently($node);
	return;
}

# A session that writes one row per commit, in a mode of its own; commits are
# asynchronous when this returns, if they ever are.
sub writer
{
	my ($mode) = @_;
	my $session = open_session($node, 'postgres', stop => 1);

	tell_session($session, "SET rusts.wal_mode = '$mode'");
	tell_session($session, "SELECT rusts_write('m seq=0i')");
	if ($mode eq 'periodic')
	{
		$node->poll_query_until('postgres', $is_there) or die;
		tell_session($session, "SELECT rusts_write('m seq=0i')");
	}
	return $session;
}

# Rows seq = $from .. $to, each acknowledged; when each was.
sub write_rows
{
	my ($session, $from, $to) = @_;
	my @acknowledged;

	foreach my $seq ($from .. $to)
	{
		tell_session($session, "SELECT rusts_write('m seq=${seq}i')");
		$acknowledged[$seq] = time;
	}
	return @acknowledged;
}

# The number of rows after a crash.  Whatever is lost, was written last.
sub survivors
{
	my ($name) = @_;
	my ($n, $distinct, $max) = split /\|/,
	  $node->safe_psql('postgres',
		'SELECT count(*), count(DISTINCT seq), coalesce(max(seq), 0) FROM m WHERE seq > 0');

	is("$n $distinct", "$max $max", "$name: nothing lost in the middle");
	consistent($node, 'postgres', "$name: directory, files and scans agree");
	$node->safe_psql('postgres', 'TRUNCATE m');
	return $n;
}

# Is the last commit not on disk when it returns?  Something else may flush at
# that very moment, so one of a few is enough.
sub is_asynchronous
{
	my ($session) = @_;

	foreach my $try (1 .. 50)
	{
		return 1
		  if tell_session($session,
			"SELECT rusts_write('m seq=0i') \\g /dev/null\n$behind") eq 't';
	}
	return 0;
}

$node->safe_psql('postgres',
	'CREATE TABLE m (time timestamptz NOT NULL, seq int8) USING rusts');

# every-write: every acknowledged row is there, each time.
foreach my $round (1 .. 3)
{
	my $session = writer('every-write');
	my $behind_count = 0;

	foreach my $seq (1 .. 50)
	{
		write_rows($session, $seq, $seq);
		$behind_count++ if tell_session($session, $behind) eq 't';
	}
	is($behind_count, 0, "every-write $round: commits are on disk when they return");
	crash();
	close_session($session);
	is(survivors("every-write $round"), 50, "every-write $round: nothing is lost");
}

# periodic.  A commit is synchronous until somebody is there who will flush it.
is($node->safe_psql('postgres', $is_there), 'f', 'no worker before it is needed');
my ($ret, $out, $err) = $node->psql('postgres', q{
	SET client_min_messages = debug1;
	SET rusts.wal_mode = 'periodic';
	SELECT rusts_write('m seq=0i')});
unlike($err, qr/asynchronous/, 'periodic: the first commit is synchronous');
wait_until($node, 'postgres', $is_there, 'periodic: and calls the worker');
($ret, $out, $err) = $node->psql('postgres', q{
	SET client_min_messages = debug1;
	SET rusts.wal_mode = 'periodic';
	SELECT rusts_write('m seq=0i')});
like($err, qr/commit is asynchronous, mode periodic/, 'periodic: the next is not');

# With an interval longer than this takes, there is something to lose.
configure('rusts.wal_sync_interval = 60s');
my $lost = 0;
foreach my $round (1 .. 10)
{
	my $session = writer('periodic');

	ok(is_asynchronous($session), "periodic $round: commits return before they are on disk");
	write_rows($session, 1, 20);
	crash();
	close_session($session);
	$lost = 20 - survivors("periodic $round");
	last if $lost > 0;
}
cmp_ok($lost, '>', 0, "periodic: a crash within the interval costs rows ($lost of 20)");

# The interval bounds it: what was acknowledged three intervals before, with
# patience for a busy machine, is on disk.
my $interval = 0.1;
my $slack = 2;
configure('rusts.wal_sync_interval = 100ms');
foreach my $round (1 .. 3)
{
	my $session = writer('periodic');
	my $syncs = $node->safe_psql('postgres', 'SELECT rusts.wal_syncs()');

	write_rows($session, 1, 20);
	my $lsn = tell_session($session, 'SELECT pg_current_wal_insert_lsn()');
	select(undef, undef, undef, 3 * $interval);
	$node->poll_query_until('postgres',
		"SELECT pg_current_wal_flush_lsn() >= '$lsn'::pg_lsn - 24")
	  or die;
	cmp_ok($node->safe_psql('postgres', 'SELECT rusts.wal_syncs()'),
		'>', $syncs, "interval $round: the worker has flushed");
	crash();
	close_session($session);
	is(survivors("interval $round"), 20, "interval $round: nothing older is lost");
}

# Killed in the middle of writing, for longer than interval and slack.
{
	my $session = writer('periodic');
	my $begin = time;
	my $syncs = $node->safe_psql('postgres', 'SELECT rusts.wal_syncs()');
	my @acknowledged = (0);

	while (time < $begin + $slack + 20 * $interval)
	{
		@acknowledged[ @acknowledged .. @acknowledged + 9 ] =
		  (write_rows($session, scalar @acknowledged, @acknowledged + 9))[ -10 .. -1 ];
	}
	my $elapsed = time - $begin;

	$syncs = $node->safe_psql('postgres', 'SELECT rusts.wal_syncs()') - $syncs;
	cmp_ok($syncs, '<=', $elapsed / $interval + 2,
		"writing: one flush an interval at most ($syncs for $#acknowledged commits)");
	cmp_ok($syncs, '>=', 1, 'writing: and there are some');

	my $last = @acknowledged + 19;
	@acknowledged[ $#acknowledged + 1 .. $last ] =
	  (write_rows($session, scalar @acknowledged, $last))[ -20 .. -1 ];
	my $killed = time;
	crash();
	close_session($session);
	my $n = survivors('writing');
	my @too_old =
	  grep { $acknowledged[$_] < $killed - $interval - $slack }
	  $n + 1 .. $#acknowledged;
	is(scalar(@too_old), 0,
		'writing: nothing is lost that was acknowledged an interval before');
	note "writing: $#acknowledged acknowledged, "
	  . ($#acknowledged - $n)
	  . ' of the last '
	  . sprintf('%.3f', $n < $#acknowledged ? $killed - $acknowledged[ $n + 1 ] : 0)
	  . ' s lost';
}

# With nothing to do the worker sleeps: it does not run at all.
sub wakeups
{
	my ($pid) = @_;
	my ($n) = slurp_file("/proc/$pid/status") =~ /^voluntary_ctxt_switches:\s*(\d+)/m;
	return $n;
}
{
	my $session = writer('periodic');
	my $pid = $node->safe_psql('postgres',
		q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'rusts WAL sync worker'});

	write_rows($session, 1, 3);
	$node->poll_query_until('postgres',
		'SELECT pg_current_wal_flush_lsn() = pg_current_wal_insert_lsn()')
	  or die;
	select(undef, undef, undef, 5 * $interval);
	my ($syncs, $wakeups) =
	  ($node->safe_psql('postgres', 'SELECT rusts.wal_syncs()'), wakeups($pid));
	select(undef, undef, undef, 10 * $interval);
	is($node->safe_psql('postgres', 'SELECT rusts.wal_syncs()'),
		$syncs, 'idle: no flush');
	is(wakeups($pid), $wakeups, 'idle: the worker does not wake up');

	# One that is told to go flushes what is noted, and comes back.
	configure('rusts.wal_sync_interval = 60s');
	write_rows($session, 4, 10);
	my $lsn = tell_session($session, 'SELECT pg_current_wal_insert_lsn()');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 100000)");
	is( $node->safe_psql('postgres',
			"SELECT pg_current_wal_flush_lsn() >= '$lsn'::pg_lsn - 24"),
		't',
		'a worker that leaves flushes what is noted');
	wait_until($node, 'postgres', $is_there, 'and comes back');
	configure('rusts.wal_sync_interval = 100ms');
	write_rows($session, 11, 20);
	$lsn = tell_session($session, 'SELECT pg_current_wal_insert_lsn()');
	wait_until($node, 'postgres',
		"SELECT pg_current_wal_flush_lsn() >= '$lsn'::pg_lsn - 24",
		'to flush what is committed then');
	crash();
	close_session($session);
	is(survivors('worker'), 20, 'nothing is lost by that');
}

# No room for the worker beside PostgreSQL's launcher and ours: commits are
# synchronous.
$node->append_conf('postgresql.conf', 'max_worker_processes = 3');
$node->restart;
worker_pid($node, 'postgres');
foreach my $try (1, 2)
{
	($ret, $out, $err) = $node->psql('postgres', q{
		SET client_min_messages = debug1;
		SET rusts.wal_mode = 'periodic';
		SELECT rusts_write('m seq=0i')});
	unlike($err, qr/asynchronous/, "no room for the worker, $try: commits are synchronous");
}
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;

# os-default: as synchronous_commit = off, within three times wal_writer_delay.
{
	my $session = writer('os-default');

	ok(is_asynchronous($session), 'os-default: commits return before they are on disk');
	configure('wal_writer_delay = 50ms');
	write_rows($session, 1, 20);
	my $lsn = tell_session($session, 'SELECT pg_current_wal_insert_lsn()');
	select(undef, undef, undef, 3 * 0.05);
	$node->poll_query_until('postgres',
		"SELECT pg_current_wal_flush_lsn() >= '$lsn'::pg_lsn - 24")
	  or die;
	crash();
	close_session($session);
	is(survivors('os-default'), 20, 'os-default: nothing older than that is lost');
	configure('wal_writer_delay = 10s');
}

# What else a transaction writes is never less safe than the user asked for.
{
	my $session = writer('os-default');
	my $behind_count = 0;

	$node->safe_psql('postgres', 'CREATE TABLE plain (v int8)');
	foreach my $seq (1 .. 20)
	{
		tell_session($session, "BEGIN");
		tell_session($session, "INSERT INTO plain VALUES ($seq)");
		tell_session($session, "SELECT rusts_write('m seq=${seq}i')");
		tell_session($session, "COMMIT");
		$behind_count++ if tell_session($session, $behind) eq 't';
	}
	is($behind_count, 0, 'with a heap table: commits are on disk when they return');
	crash();
	close_session($session);
	is($node->safe_psql('postgres', 'SELECT count(*), sum(v) FROM plain'),
		'20|210', 'with a heap table: its rows are there');
	is(survivors('with a heap table'), 20, 'and so are the measurement\'s');
}

# A measurement's own mode goes before the session's, either way.
{
	my $session = writer('os-default');

	$node->safe_psql('postgres', q{SELECT rusts_set_wal_mode('m', 'every-write')});
	write_rows($session, 1, 20);
	is(tell_session($session, $behind), 'f', 'its own every-write');
	crash();
	close_session($session);
	is(survivors('its own every-write'), 20, 'its own every-write: nothing is lost');
	is($node->safe_psql('postgres', q{SELECT rusts_wal_mode('m')}),
		'every-write', 'its mode is there after the crash');
	$node->safe_psql('postgres', q{SELECT rusts_set_wal_mode('m', 'os-default')});
	$session = writer('every-write');
	ok(is_asynchronous($session), 'its own os-default');
	close_session($session);
	$node->safe_psql('postgres', q{SELECT rusts_set_wal_mode('m', 'default'); TRUNCATE m});
}

# none: empty after a crash, and usable.
$node->safe_psql('postgres', q{
	SET rusts.wal_mode = 'none';
	SELECT rusts_write(string_agg('u,host=h' || i % 3 || ' v=' || i || 'i ' || i, E'\n'))
	  FROM generate_series(1, 1000) i;
	SELECT rusts_write('m seq=1i'), rusts_set_wal_mode('m', 'none')});
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM u), (SELECT count(*) FROM m)'),
	'1000|1', 'none: rows are there');
$node->restart;
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM u), (SELECT count(*) FROM m)'),
	'1000|1', 'none: a clean restart keeps them');
crash();
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM u), (SELECT count(*) FROM m)'),
	'0|0', 'none: a crash costs all');
is($node->safe_psql('postgres', q{SELECT rusts_write(E'u,host=a v=1i 1\nm seq=1i 1')}),
	'2', 'none: it can be written to');
is($node->safe_psql('postgres', 'SELECT rusts_flush()'), '2', 'and flushed');
$node->safe_psql('postgres',
	q{SELECT rusts_set_wal_mode('u', 'every-write'), rusts_set_wal_mode('m', 'default')});
crash();
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM u), (SELECT count(*) FROM m)'),
	'1|1', 'none no longer: a crash costs nothing');
consistent($node, 'postgres', 'directory, files and scans agree');

# A standby that becomes a primary.
my $primary = new_node('primary', init => { allows_streaming => 1 }, conf => $conf);
$primary->safe_psql('postgres', q{
	SELECT rusts_write('m seq=0i 1');
	SELECT rusts_set_wal_mode('m', 'periodic');
	SELECT rusts_write('m seq=0i 2')});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->safe_psql('postgres', q{SELECT rusts_write('m seq=0i 3')});
$primary->poll_query_until('postgres', $is_there) or die;
$primary->safe_psql('postgres', q{SELECT rusts_write('m seq=0i 4')});
wait_until($standby, 'postgres', 'SELECT count(*) = 4 FROM m',
	'a standby gets what is committed in the mode periodic');
is($standby->safe_psql('postgres', q{SELECT rusts_wal_mode('m')}),
	'periodic', 'and knows the mode');
is($standby->safe_psql('postgres', $is_there), 'f', 'and has no worker');
$primary->stop;
$standby->promote;
$standby->safe_psql('postgres', q{SELECT rusts_write('m seq=0i 5')});
wait_until($standby, 'postgres', $is_there, 'until it is a primary');
my $lsn = $standby->safe_psql('postgres',
	q{SELECT rusts_write('m seq=0i 6') \g /dev/null
	  SELECT pg_current_wal_insert_lsn()});
wait_until($standby, 'postgres',
	"SELECT pg_current_wal_flush_lsn() >= '$lsn'::pg_lsn - 24", 'which flushes');
$standby->stop;
$node->stop;
done_testing();
