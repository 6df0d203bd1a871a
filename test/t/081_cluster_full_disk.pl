# The disk of a node is full; the node that another one copies from is frozen;
# one that others wait for never comes back.
#
# test/t/081_cluster_full_disk.pl

use strict;
use warnings;

# A small file system needs a mount, see t/008.
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

use ClusterPoints;
use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $cluster = ClusterTest->new('full', factor => 3, mode => 'Quorum',
	conf => "rusts.cluster_timeout = 3s\n");
my $points = ClusterPoints->new($cluster);
my $server = $cluster->server(3);
my $dir = $server->basedir . '/small';

sub set
{
	my (%options) = @_;

	$cluster->{$_} = $options{$_} for keys %options;
	$cluster->write_config;
	return $cluster->apply;
}

sub fill
{
	open my $fh, '>', "$dir/ballast" or die "could not write: $!";
	binmode $fh;
	1 while syswrite $fh, "\0" x 4096;
	close $fh;
	return;
}

sub empty
{
	unlink "$dir/ballast" or die "could not remove: $!";
	return;
}

SKIP:
{
	skip 'mounting a small file system is not permitted', 1
	  if $ENV{RUSTS_TEST_MOUNTS} ne 'yes';
	mkdir $dir or die;
	system_or_bail('mount', '-t', 'tmpfs', '-o', 'size=64m', 'rusts_test',
		$dir);
	chmod 0700, $dir;

	# All databases of node 3 move there; its WAL is elsewhere.
	my $base = $server->data_dir . '/base';

	$server->stop;
	system_or_bail('cp', '-a', "$base/.", $dir);
	rename $base, "$base.old" or die;
	symlink $dir, $base or die;
	$server->start;
}
$cluster->apply;
$points->write($_, 50) for 1 .. 3;
$points->all_agree('to begin with');
SKIP:
{
	skip 'mounting a small file system is not permitted', 1
	  if $ENV{RUSTS_TEST_MOUNTS} ne 'yes';

	# Quorum: the others are enough, and it gets its rows when there is space.
	fill();
	for my $i (1, 2)
	{
		is($cluster->sql($i, $points->large_statement(20000) . ' RETURNING 1')
			  =~ tr/1//, 20000, "acknowledged at node $i");
		$points->acknowledge(20000);
		is($points->read($_), $points->{acknowledged}, "node $_ reads all")
		  for 1, 2;
		$points->wait_for($i, q{SELECT last_error LIKE '%No space left%'
			FROM rusts_cluster_status() WHERE node_id = 'node3'},
			"node $i says why node 3 does not get it");
	}
	like($cluster->error(3, $points->large_statement(20000)),
		qr/No space left on device/, 'at node 3 itself it fails');
	$points->not_stale('full', 3);
	$server->stop('immediate');
	$server->start;
	$points->not_stale('full and killed', 3);
	empty();
	$points->all_agree('there is space again');

	# Sync: nobody has it.
	set(mode => 'Sync');
	$points->settled('Sync');
	fill();
	my $error = $cluster->error(1, $points->large_statement(20000));

	like($error, qr/cannot write to shards [-0-9, ]+: 2 of 3 copies, 3 needed/,
		'Sync refuses');
	like($error, qr/node "node3": could not extend .*No space left on device/,
		'and says why');
	is($points->read($_), $points->{acknowledged}, "node $_ has nothing of it")
	  for 1, 2;
	empty();
	$points->all_agree('Sync, there is space again');
	$points->write(1, 20);
	set(mode => 'Quorum');
	$points->all_agree('Quorum again');
	consistent($_, 'postgres', 'directory, files and scans agree')
	  for @{ $cluster->{servers} };
}

# Node 2 copies its parts, and whom it copies from is frozen meanwhile.
set(mode => 'Async');
$points->all_agree('Async');
{
	my $holder = open_session($cluster->server(2));
	my $pid = $cluster->server(1)->{_pid};
	my @pids;

	tell_session($holder,
		'BEGIN; LOCK TABLE rusts.cluster_batch IN SHARE MODE');
	$cluster->sql(3, q{SELECT rusts_cluster_resync('node2')});
	$points->wait_for(2, q{SELECT count(*) > 0 FROM rusts.progress
		WHERE job = 'resync' AND phase = 'copying parts'}, 'node 2 copies');
	$points->write(1, 30);
	@pids = ($pid, split /\s+/, `pgrep -P $pid`);
	kill 'STOP', @pids;
	tell_session($holder, 'COMMIT');
	close_session($holder);
	$points->wait_for(3, q{SELECT state = 'down' FROM rusts_cluster_status()
		WHERE node_id = 'node1'}, 'node 1 is frozen');
	my $written = $cluster->server(3)->psql('postgres', $points->statement(30));
	my $read = $points->read(2);

	# Before anything can fail.
	kill 'CONT', @pids;
	is($written, 0, 'node 3 writes');
	$points->acknowledge(30);
	like($read, qr/copies its rows|may lack rows/, 'node 2 does not read yet');
	$points->wait_for(2, 'SELECT NOT EXISTS (SELECT FROM rusts.cluster_lost)',
		'nothing is left of the copy');
	$points->all_agree('copied');
}

# What is in doubt when a node dies for good: it keeps the node from being
# removed until somebody decides.
set(mode => 'Quorum');
$points->settled('Quorum');
{
	my $holder = open_session($cluster->server(1));
	my $writer = open_session($cluster->server(1));
	my $apply = 'SELECT rusts_cluster_apply()';

	tell_session($holder,
		'BEGIN; LOCK TABLE rusts.cluster_decision IN SHARE MODE');
	tell_session($writer, $points->statement(30), no_wait => 1);
	$points->wait_for($_, 'SELECT count(*) = 1 FROM pg_prepared_xacts',
		"node $_ has prepared")
	  for 2, 3;
	$cluster->server(1)->stop('immediate');
	close_session($_) for $holder, $writer;
	for my $i (2, 3)
	{
		my $text = $cluster->config($i);

		$text =~ s/\[\[nodes\]\].*//s;
		$text =~ s/replication_factor = 3/replication_factor = 2/;
		$text .= $cluster->node_config(2, '0, 1, 2', '3, 4, 5');
		$text .= $cluster->node_config(3, '3, 4, 5', '0, 1, 2');
		open my $fh, '>', $cluster->server($i)->data_dir . '/cluster.toml'
		  or die $!;
		print $fh $text;
		close $fh;
		$points->wait_for($i, q{SELECT detail LIKE '%in doubt here: 1,%'
			FROM rusts_cluster_status() WHERE node_id = 'node1'},
			"node $i says what is in doubt");
	}
	like($cluster->error(2, $apply), qr/could not lock the measurements.*pg_prepared_xacts/s,
		'the node cannot be removed');
	for my $i (2, 3)
	{
		my $gid = $cluster->sql($i, 'SELECT gid FROM pg_prepared_xacts');

		$cluster->sql($i, "COMMIT PREPARED '$gid'");
	}
	$points->acknowledge(30);
	$cluster->sql(2, $apply);
	$points->write($_, 20) for 2, 3;
	is($cluster->own_rows($_, 'm'), $points->{acknowledged},
		"node $_ has all of it")
	  for 2, 3;
}

$cluster->stop;
system('umount', $dir) if -d $dir;
done_testing();
