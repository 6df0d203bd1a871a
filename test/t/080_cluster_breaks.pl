# The coordinator ends at the very point where it decides, clients go away,
# nodes do not take rows, or lose their shards while others have connections.
#
# test/t/080_cluster_breaks.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterPoints;
use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $cluster = ClusterTest->new('breaks', factor => 3, mode => 'Quorum',
	conf => "rusts.cluster_timeout = 3s\nmax_wal_senders = 2\nwal_level = replica\n");
my $points = ClusterPoints->new($cluster);

sub set
{
	my (%options) = @_;

	$cluster->{$_} = $options{$_} for keys %options;
	$cluster->write_config;
	return $cluster->apply;
}

# Nodes 2 and 3 have prepared what node 1 coordinates.
sub wait_prepared
{
	$points->wait_for($_, 'SELECT count(*) = 1 FROM pg_prepared_xacts',
		"node $_ has prepared")
	  for 2, 3;
	return;
}

# Before the decision: it needs a lock on the table.  After it: the decision is
# on disk, and nobody knows, since the commit waits for a standby.
sub stop_before_decision
{
	my $holder = open_session($cluster->server(1));

	tell_session($holder,
		'BEGIN; LOCK TABLE rusts.cluster_decision IN SHARE MODE');
	return $holder;
}

sub set_standby
{
	my ($name) = @_;

	$cluster->sql(1, "ALTER SYSTEM SET synchronous_standby_names = '$name'");
	$cluster->server(1)->reload;
	$points->wait_for(1,
		"SELECT current_setting('synchronous_standby_names') = '$name'",
		"standby '$name'");
	return;
}

sub kill_coordinator
{
	my ($writer, $how, $pid) = @_;
	my $server = $cluster->server(1);

	if ($how eq 'backend')
	{
		kill 'KILL', $pid;

		# Which ends the server: restart_after_crash is off.
		system('pg_ctl', '-D', $server->data_dir, '-m', 'immediate', '-w',
			'stop');
		$server->{_pid} = undef;
	}
	else
	{
		$server->stop('immediate');
	}
	close_session($writer);
	return;
}

$cluster->apply;
$points->write($_, 50) for 1 .. 3;
$points->all_agree('to begin with');

for my $how ('backend', 'server')
{
	my $writer = open_session($cluster->server(1));
	my $pid = tell_session($writer, 'SELECT pg_backend_pid()');
	my $holder = stop_before_decision();

	tell_session($writer, $points->statement(30), no_wait => 1);
	wait_prepared();
	kill_coordinator($writer, $how, $pid);
	close_session($holder);
	$points->write(2, 20);
	$points->wait_for($_, q{SELECT detail LIKE '%in doubt here: 1,%'
		FROM rusts_cluster_status() WHERE node_id = 'node1'},
		"node $_ says what is in doubt")
	  for 2, 3;
	$cluster->server(1)->start;
	$points->all_agree("killed before the decision, $how");
	like(slurp_file($cluster->server(1)->logfile),
		qr/LOG:  transactions in doubt .*DETAIL:.* [12] were rolled back/s, 'which is reported');

	# Now after it.
	my $offset = -s $cluster->server(1)->logfile;

	set_standby('nobody');
	$writer = open_session($cluster->server(1));
	$pid = tell_session($writer, 'SELECT pg_backend_pid()');
	tell_session($writer, $points->statement(30), no_wait => 1);
	$points->wait_for(1, "SELECT wait_event = 'SyncRep'
		FROM pg_stat_activity WHERE pid = $pid", 'it has decided');
	wait_prepared();
	$points->write(2, 20);
	kill_coordinator($writer, $how, $pid);
	$cluster->server(1)->append_conf('postgresql.auto.conf',
		"synchronous_standby_names = ''");
	$cluster->server(1)->start;

	# Nobody was told, and all of it is there.
	$points->acknowledge(30);
	$points->all_agree("killed after the decision, $how");
	like(slurp_file($cluster->server(1)->logfile, $offset),
		qr/LOG:  transactions in doubt .*DETAIL:  [12] were committed/s, 'which is reported');
}

# A client that goes away while its transaction decides, and one that does in
# the middle of its rows.
{
	my $writer = open_session($cluster->server(1));
	my $pid = tell_session($writer, 'SELECT pg_backend_pid()');
	my $holder = stop_before_decision();

	tell_session($writer, $points->statement(30), no_wait => 1);
	wait_prepared();
	$writer->{run}->kill_kill;
	tell_session($holder, 'COMMIT');
	close_session($holder);
	$points->wait_for(1,
		"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)",
		'its backend ends');
	$points->acknowledge(30);
	$points->all_agree('a client that does not wait');

	$writer = open_session($cluster->server(2));
	$pid = tell_session($writer, 'SELECT pg_backend_pid()');
	tell_session($writer, $points->statement(30) . "; BEGIN; "
		  . $points->statement(30));
	$points->acknowledge(30);
	$writer->{in} .= "COPY m (time, host, v) FROM STDIN;\n"
	  . join("\n", map { "2020-01-01\tc$_\t$_" } 1 .. 5000) . "\n";
	$writer->{run}->pump_nb while length $writer->{in};
	$points->wait_for(2, "SELECT query LIKE 'COPY%' AND state = 'active'
		FROM pg_stat_activity WHERE pid = $pid", 'it copies');
	$writer->{run}->kill_kill;
	$points->wait_for(2,
		"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)",
		'its backend ends');
	$points->all_agree('a client in the middle of COPY');
}

# A node that does not take rows: it stops reading as soon as it hears of that,
# however long what it knew before counts, and who has them for it reads on.
{
	$cluster->server(3)->append_conf('postgresql.conf',
		'rusts.cluster_timeout = 300s');
	$cluster->server(3)->reload;
	$points->settled('to be locked');

	my $lock = open_session($cluster->server(3));

	tell_session($lock, 'BEGIN; LOCK TABLE m');
	$points->write(1, 20);
	$points->wait_for(3, q{SELECT state = 'behind' FROM rusts_cluster_status()
		WHERE node_id = 'node3'}, 'it knows that it lacks rows');

	# Which takes all the time that there is, again and again.
	my (%seen, $read);

	do
	{
		$read = $points->read(1);
		$seen{ $cluster->sql(1, q{SELECT last_error
			FROM rusts_cluster_status() WHERE node_id = 'node3'}) } = 1;
	} while ($read eq $points->{acknowledged} && keys %seen < 5);
	is($read, $points->{acknowledged}, 'node 1 reads on');
	tell_session($lock, 'COMMIT');
	close_session($lock);
	$cluster->server(3)->append_conf('postgresql.conf',
		'rusts.cluster_timeout = 3s');
	$cluster->server(3)->reload;
	$points->all_agree('a node did not take rows');
}

# DELETE in Sync with a replica down.
set(mode => 'Sync');
$cluster->server(3)->stop('immediate');
like($cluster->error(1, q{DELETE FROM m WHERE host = 'h3'}),
	qr/cannot write to shards [-0-9, ]+: 2 of 3 copies, 3 needed.*node "node3"/s,
	'Sync: no DELETE without a replica');
like($cluster->error(2, q{UPDATE m SET v = -1 WHERE host IN ('h1', 'h2')}),
	qr/cannot write to shards/, 'nor UPDATE');
$cluster->server(3)->start;
$points->all_agree('DELETE in Sync');
is($cluster->sql(1, q{WITH d AS (DELETE FROM m WHERE host = 'h3' RETURNING 1)
	SELECT count(*) > 0 FROM d}), 't', 'with it there is one');
$points->{acknowledged} = $points->read(1);
$points->all_agree('deleted');
set(mode => 'Quorum');

# Sessions that have connections and plans for nodes that lose their shards.
{
	set(factor => 2);
	$points->all_agree('two copies');

	my %session = map { $_ => open_session($cluster->server($_)) } 1 .. 3;
	my $read = sub {
		my ($test_name) = @_;

		for my $i (1 .. 3)
		{
			is(tell_session($session{$i}, 'EXECUTE r'),
				$points->{acknowledged}, "$test_name: session at node $i reads");
			is(tell_session($session{$i}, $points->statement(20)), 20,
				"$test_name: and writes");
			$points->acknowledge(20);
		}
		return;
	};

	for (values %session)
	{
		tell_session($_, 'SET plan_cache_mode = force_generic_plan;'
			  . 'PREPARE r AS SELECT count(*) FROM m');
	}
	$read->('before') for 1, 2;
	for my $i (1 .. 3)
	{
		my $text = $cluster->config($i);

		# Node 3 has nothing any more, then it is as it was.
		$text =~ s/\[\[nodes\]\].*//s;
		$text .= $cluster->node_config(1, '0, 1, 2', '3, 4, 5');
		$text .= $cluster->node_config(2, '3, 4, 5', '0, 1, 2');
		$text .= $cluster->node_config(3, '');
		open my $fh, '>', $cluster->server($i)->data_dir . '/cluster.toml'
		  or die $!;
		print $fh $text;
		close $fh;
	}
	$cluster->apply;
	$read->('node 3 has lost its shards');
	is($cluster->own_rows(3, 'm'), 0, 'which it has');
	$points->all_agree('node 3 has none');
	set();
	$read->('it has shards again');
	close_session($_) for values %session;
	$points->all_agree('node 3 has shards again');
}

$cluster->stop;
done_testing();
