# Crashes under load: of the server, of a backend that writes, of the worker
# that flushes.  What was acknowledged is there, what was not is there whole
# or not at all, and nothing else is.

use strict;
use warnings;

use Digest::MD5 'md5_hex';
use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $nclients = 4;
my $seed = $ENV{RUSTS_TEST_SEED} // time;
srand $seed;
note "RUSTS_TEST_SEED=$seed";

# Small limits, so that there is always a flush to be hit.
my $node = new_node(
	'crash', conf => <<'END');
rusts.flush_max_batches = 8
rusts.flush_max_points = 1000
rusts.flush_max_age = 1s
wal_consistency_checking = 'generic'
max_wal_size = 32MB
min_wal_size = 32MB
log_min_messages = fatal
END
$node->safe_psql(
	'postgres', q{
	CREATE TABLE m0 (time timestamptz NOT NULL, client text, seq int8, i int8, n int8, s text) USING rusts;
	SECURITY LABEL FOR rusts ON COLUMN m0.client IS 'tag';
	CREATE TABLE m1 (LIKE m0 INCLUDING ALL) USING rusts;
	SECURITY LABEL FOR rusts ON COLUMN m1.client IS 'tag';
	SELECT rusts_write('marker v=1i 1')});

# Number of rows of a client's call, one in sixteen enough for a flush.
sub rows_of_call
{
	my ($client, $seq) = @_;

	return 1000 + $client if $seq % 16 == 0;
	return 1 + ($seq * 7 + $client) % 13;
}

# A client's call: a statement or a transaction, by each way in.  What is
# rolled back has negative numbers.
sub call
{
	my ($client, $seq) = @_;
	my $n = rows_of_call($client, $seq);
	my $table = 'm' . $client % 2;
	my $way = $seq % 5;
	my $row = "now(), 'c$client', $seq, i, $n, md5('$client $seq ' || i)";
	my $write = qq{SELECT rusts_write(string_agg('$table,client=c$client seq=${seq}i,i=' || i ||
		'i,n=${n}i,s="' || md5('$client $seq ' || i) || '" ' || i + ${seq}000000, E'\\n')) FROM generate_series};

	return "$write(1, $n) i;\n" if $way == 0 || $way == 1;
	return "INSERT INTO $table (time, client, seq, i, n, s) SELECT $row FROM generate_series(1, $n) i;\n"
	  if $way == 2;
	return "COPY $table (time, client, seq, i, n, s) FROM STDIN;\n"
	  . join(
		'',
		map {
			my $s = md5_hex("$client $seq $_");
			"2024-01-01\tc$client\t$seq\t$_\t$n\t$s\n"
		} 1 .. $n)
	  . "\\.\n"
	  if $way == 3;
	my $half = int($n / 2);
	return "BEGIN;\nINSERT INTO $table (time, client, seq, i, n, s) SELECT $row FROM generate_series(1, $half) i;\n"
	  . "SAVEPOINT a;\nSELECT rusts_write('$table,client=c$client seq=-1i,i=-1i');\n"
	  . "ROLLBACK TO a;\n$write($half + 1, $n) i;\nCOMMIT;\n";
}

# Start the clients, each with a file of more calls than it will ever make.
# psql ends when the connection breaks; the lines "ack" it has printed by then
# are the calls that the server has confirmed.
my @next_seq = (1) x $nclients;

sub start_clients
{
	my @clients;

	foreach my $client (0 .. $nclients - 1)
	{
		my $base = $node->basedir . "/client$client";
		open my $file, '>', "$base.sql" or die;
		foreach my $seq ($next_seq[$client] .. $next_seq[$client] + 3000)
		{
			print $file call($client, $seq), "\\echo ack $seq\n";
		}
		close $file;
		my $pid = fork // die;
		if ($pid == 0)
		{
			open STDOUT, '>', "$base.out" or die;
			open STDERR, '>', "$base.err" or die;
			exec 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d',
			  $node->connstr('postgres') . " application_name=client$client",
			  '-f', "$base.sql"
			  or die;
		}
		push @clients, { pid => $pid, base => $base, number => $client };
	}
	return @clients;
}

# Kill something, at a point that the load's own progress decides.
sub crash
{
	my ($kind, $round) = @_;
	my $more = 200 + int rand 1000;
	my $before = $node->safe_psql('postgres',
		'SELECT (SELECT count(*) FROM m0) + (SELECT count(*) FROM m1)');
	my @clients = start_clients();

	$node->poll_query_until('postgres',
		"SELECT (SELECT count(*) FROM m0) + (SELECT count(*) FROM m1) > $before + $more"
	) or die 'no progress';
	if ($kind eq 'server')
	{
		stop_hard($node, $round % 2 ? 'KILL' : 'IMMEDIATE');
	}
	else
	{
		my $pid =
		    $kind eq 'worker'
		  ? worker_pid($node, 'postgres')
		  : $node->safe_psql('postgres',
			"SELECT pid FROM pg_stat_activity WHERE application_name = 'client"
			  . int(rand $nclients) . "'");
		kill 'KILL', $pid or die;
	}
	waitpid $_->{pid}, 0 foreach @clients;
	start_patiently($node) if $kind eq 'server';
	$node->poll_query_until('postgres', 'SELECT true') or die;
	return @clients;
}

# Compare what is stored with what the clients were told.
sub verify
{
	my ($name, @clients) = @_;
	my (%stored, @wrong);
	my $inflight = 0;
	my $rows = $node->safe_psql(
		'postgres', q{
		SELECT client, seq, count(*), count(DISTINCT i), sum(i), min(n), max(n),
			   count(*) FILTER (WHERE s = md5(substr(client, 2) || ' ' || seq || ' ' || i))
		  FROM (SELECT * FROM m0 UNION ALL SELECT * FROM m1) x
		 GROUP BY 1, 2});

	foreach (split /\n/, $rows)
	{
		my ($client, $seq, @got) = split /\|/;
		$client =~ s/^c//;
		my $n = rows_of_call($client, $seq);
		my @want =
		  ($n, $n, $n * ($n + 1) / 2, $n, $n, $n);
		push @wrong, "client $client, call $seq: @got"
		  if "@got" ne "@want";
		$stored{$client}{$seq} = 1;
	}
	foreach my $client (@clients)
	{
		my $c = $client->{number};
		my ($acked) = slurp_file("$client->{base}.out") =~ /.*^ack (\d+)$/ms;
		my $err = slurp_file("$client->{base}.err");

		$acked //= $next_seq[$c] - 1;
		push @wrong, "client $c: $err"
		  if $err !~ /server closed the connection|terminating connection|connection to server/;
		push @wrong, "client $c: call $_ is lost"
		  foreach grep { !$stored{$c}{$_} } 1 .. $acked;
		push @wrong, "client $c: call $_ is invented"
		  foreach grep { $_ < 1 || $_ > $acked + 1 } keys %{ $stored{$c} };
		$inflight++ if $stored{$c}{ $acked + 1 };
		$next_seq[$c] = $acked + ($stored{$c}{ $acked + 1 } ? 2 : 1);

		# A call that is not stored is made again in the next round.
	}
	is(join("\n", @wrong), '', "$name: nothing lost, nothing invented");
	note "calls so far: @{[map { $_ - 1 } @next_seq]}; in flight, stored: $inflight";
	return;
}

my @rounds = map { ('server', 'backend', 'worker') } 1 .. 6;
push @rounds, 'server', 'server';
my $round = 0;
foreach my $kind (@rounds)
{
	my $name = sprintf 'round %d, %s killed', ++$round, $kind;
	my @clients = crash($kind, $round);

	verify($name, @clients);
	consistent($node, 'postgres', "$name: directory, files and scans agree");

	# The worker is back: enough for a flush is flushed.
	$node->safe_psql('postgres',
		'INSERT INTO marker SELECT now(), i FROM generate_series(1, 1000) i');
	wait_until(
		$node, 'postgres', q{
		SELECT count(*) = 0 FROM rusts.segments
		 WHERE measurement = 'marker'::regclass AND tier = 'active'},
		"$name: the worker flushes again");
}

# Everything is flushed in the end; no page fails its checksum.
wait_until($node, 'postgres',
	q{SELECT count(*) = 0 FROM rusts.segments WHERE tier = 'active'},
	'everything is flushed in the end');
consistent($node, 'postgres', 'all is well in the end');
note $node->safe_psql(
	'postgres', q{
	SELECT relname || ': ' || pg_relation_size(c.oid) / current_setting('block_size')::int ||
		   ' blocks, in segments: ' || (SELECT sum(nblocks) FROM rusts.segment WHERE storage_id = rusts.storage_id(c.oid)) ||
		   ', segments: ' || (SELECT count(*) FROM rusts.segments WHERE measurement = c.oid::regclass)
	  FROM pg_class c WHERE relname IN ('m0', 'm1')});
$node->stop;
command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ],
	'checksums are right');
done_testing();
