# What the TAP tests share: servers with the extension, sessions that stay
# open, errors by their SQLSTATE.

package RustsTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run qw(start pump finish timeout);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node fails_with open_session tell_session
  close_session wait_until wait_waiting worker_pid stop_hard kill_all
  start_patiently
  consistent);

# Nothing a test waits for takes this long, in seconds.
my $patience = 180;

# A running server with the extension in database postgres.
#	conf	more lines of postgresql.conf
#	init	more arguments of PostgreSQL::Test::Cluster::init
sub new_node
{
	my ($name, %args) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(
		extra => [ '--no-locale', '--encoding=UTF8', '--data-checksums' ],
		%{ $args{init} // {} });
	$node->append_conf('postgresql.conf', <<END);
shared_preload_libraries = 'rusts'
fsync = off
autovacuum_naptime = 1
restart_after_crash = on
log_line_prefix = '%m %b[%p] %q%a '
rusts.job_interval = 1d
${\ ($args{conf} // '')}
END
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION rusts');
	return $node;
}

# One test: the statement fails with that SQLSTATE and a report that matches.
sub fails_with
{
	my ($node, $dbname, $sql, $state, $report, $test_name) = @_;
	my ($ret, $stdout, $stderr) = $node->psql($dbname, $sql,
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return like($stderr, qr/(ERROR|FATAL):  $state: .*$report/s, $test_name);
}

# A psql that stays open.
sub open_session
{
	my ($node, $dbname, %args) = @_;
	my %session = (in => '', out => '', err => '');

	$session{run} = start(
		[
			'psql', '-XAtq', '-v', 'ON_ERROR_STOP=' . ($args{stop} // 0),
			'-d', $node->connstr($dbname // 'postgres')
		],
		'<', \$session{in}, '>', \$session{out}, '2>', \$session{err},
		timeout($patience));
	return \%session;
}

# Send statements and wait for their answer; with no_wait => 1, only send.
sub tell_session
{
	my ($session, $sql, %args) = @_;
	my $mark = 'done ' . ++$session->{count};

	$session->{in} .= "$sql;\n\\echo $mark\n";
	if ($args{no_wait})
	{
		$session->{run}->pump_nb while length $session->{in};
		return;
	}
	pump $session->{run} until $session->{out} =~ /^\Q$mark\E$/m;
	my $out = $session->{out};
	$session->{out} = '';
	$out =~ s/^done \d+\n//mg;
	chomp $out;
	return $out;
}

# End a session whatever has become of its server.
sub close_session
{
	my ($session) = @_;

	eval {
		$session->{in} .= "\\q\n";
		finish $session->{run};
	};
	$session->{run}->kill_kill if $@;
	return;
}

# One test: the query becomes true in the end.
sub wait_until
{
	my ($node, $dbname, $query, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok($node->poll_query_until($dbname, $query), $test_name);
}

# Wait until a backend whose activity matches waits for a heavyweight lock.
sub wait_waiting
{
	my ($node, $pattern) = @_;

	$node->poll_query_until(
		'postgres', qq{
		SELECT count(*) > 0 FROM pg_stat_activity
		 WHERE wait_event_type = 'Lock' AND query ~ '$pattern'})
	  or die "nobody waits in \"$pattern\"";
	return;
}

# The maintenance worker of a database; waits for it.
sub worker_pid
{
	my ($node, $dbname) = @_;
	my $from = qq{FROM pg_stat_activity
		WHERE backend_type = 'rusts maintenance worker'
		  AND datname = '$dbname'};

	$node->poll_query_until('postgres', "SELECT count(*) = 1 $from")
	  or die "database \"$dbname\" has no worker";
	return $node->safe_psql('postgres', "SELECT pid $from");
}

# End the server without giving it time for anything.
sub stop_hard
{
	my ($node, $signal) = @_;

	if ($signal eq 'KILL')
	{
		my $pid = $node->{_pid};
		my $deadline = time + $patience;

		# A lock file whose owner is still there keeps a start away.
		$node->kill9;
		while (kill 0, $pid)
		{
			die 'the server does not die' if time > $deadline;
			select(undef, undef, undef, 0.05);
		}
	}
	else
	{
		$node->stop('immediate');
	}
	return;
}

# End all processes of a server at once: none of them gets to write anything
# any more.
sub kill_all
{
	my ($node) = @_;
	my $postmaster = $node->{_pid};
	my @pids = ($postmaster);

	foreach my $stat (glob '/proc/[0-9]*/stat')
	{
		open my $fh, '<', $stat or next;
		my $line = <$fh> // '';
		push @pids, $1
		  if $line =~ /^(\d+) \(.*\) \S (\d+) / && $2 == $postmaster;
	}
	die 'the server has no processes' if @pids < 4;
	kill 'KILL', @pids;
	foreach my $pid (@pids)
	{
		my $deadline = time + $patience;

		while (kill 0, $pid)
		{
			die 'the server does not die' if time > $deadline;
			select(undef, undef, undef, 0.01);
		}
	}
	$node->{_pid} = undef;
	return;
}

# Start a server whose last backends may still be about to notice its death.
sub start_patiently
{
	my ($node) = @_;
	my $deadline = time + $patience;

	while (!$node->start(fail_ok => 1))
	{
		die 'the server does not start' if time > $deadline;
		select(undef, undef, undef, 0.1);
	}
	return;
}

# One test: directory, files and scans agree about all measurements of a
# database.
sub consistent
{
	my ($node, $dbname, $test_name) = @_;
	my $measurements = $node->safe_psql(
		$dbname, q{
		SELECT c.oid::regclass FROM pg_class c JOIN pg_am a ON a.oid = c.relam
		 WHERE amname = 'rusts' AND relkind IN ('r', 'm') ORDER BY 1});
	my @problems;

	foreach my $measurement (split /\n/, $measurements)
	{
		push @problems, "$measurement: $_" foreach split /\n/,
		  $node->safe_psql(
			$dbname, qq{
			SELECT 'directory and scan differ in rows: ' || d.n || ', ' || s.n
			  FROM (SELECT coalesce(sum(rows), 0) AS n FROM rusts.segments
					 WHERE measurement = '$measurement'::regclass) d,
				   (SELECT count(*) AS n FROM $measurement) s,
				   (SELECT rows AS n FROM rusts.measurements
					 WHERE measurement = '$measurement'::regclass) m
			 WHERE (d.n <> s.n OR m.n <> s.n) AND
				   (d.n < s.n OR NOT EXISTS
					(SELECT FROM pg_seclabel WHERE provider = 'rusts' AND label LIKE 'duplicates=merge%'
						AND objsubid = 0 AND objoid = '$measurement'::regclass));
			WITH s AS (SELECT * FROM rusts.segment
						WHERE storage_id = rusts.storage_id('$measurement'::regclass))
			SELECT 'segments overlap: ' || segment_id
			  FROM (SELECT segment_id, lag(segment_id + nrows)
						   OVER (ORDER BY segment_id) AS before FROM s) x
			 WHERE segment_id < before
			UNION ALL
			SELECT 'extents overlap: ' || first_block
			  FROM (SELECT first_block, lag(first_block + nblocks, 1, 1)
						   OVER (ORDER BY first_block) AS before FROM s
					 WHERE first_block IS NOT NULL) x
			 WHERE first_block < before
			UNION ALL
			SELECT 'extent beyond the end: ' || first_block FROM s
			 WHERE (first_block + nblocks) * current_setting('block_size')::int8 >
				   pg_relation_size('$measurement')});
	}
	push @problems,
	  split /\n/,
	  $node->safe_psql(
		$dbname, q{
		SELECT 'storage without measurement: ' || storage_id
		  FROM (SELECT DISTINCT storage_id FROM rusts.segment) s
		 WHERE storage_id NOT IN
			   (SELECT rusts.storage_id(c.oid) FROM pg_class c
				  JOIN pg_am a ON a.oid = c.relam AND amname = 'rusts'
				 WHERE relkind IN ('r', 'm') AND rusts.storage_id(c.oid) IS NOT NULL)});
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(join("\n", @problems), '', $test_name);
}

1;
