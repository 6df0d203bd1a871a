# What becomes of points when something goes wrong: acknowledged ones are on
# every placement, the others nowhere.
#
# test/t/076_cluster_outcomes.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Each node has every shard: what a node has itself is what there is.
my $cluster = ClusterTest->new('outcomes', factor => 3, mode => 'Quorum',
	conf => "rusts.cluster_timeout = 2s\n");
my $written = 0;

$cluster->apply;

sub set_mode
{
	my ($mode) = @_;

	$cluster->{mode} = $mode;
	$cluster->write_config;
	return $cluster->apply;
}

sub lines
{
	my ($n, $more) = @_;

	$more //= '';
	return join '\n',
	  map { 'm,host=h' . $_ % 11 . " v=$_$more " . ($written + $_) . '000000000' }
	  1 .. $n;
}

# Acknowledged points, and they count.
sub write_points
{
	my ($node, $n, %options) = @_;
	my $lines = lines($n, $options{more});
	my $batch = $options{batch} ? ", batch_id => '$options{batch}'" : '';
	my $got = $cluster->sql($node, "SELECT rusts_write(E'$lines'$batch)");

	is($got, $n, "$n points at node $node");
	$written += $n;
	return;
}

sub all_agree
{
	my ($test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $i (1 .. 3)
	{
		$cluster->server($i)->poll_query_until('postgres',
			'SELECT count(*) = 0 FROM rusts.cluster_hint')
		  or die 'hints stay';
		$cluster->server($i)->poll_query_until('postgres',
			'SELECT count(*) = 0 FROM pg_prepared_xacts')
		  or die 'transactions stay prepared';
	}
	$cluster->server($_)->poll_query_until('postgres',
		"SELECT bool_and(state = 'live') FROM rusts_cluster_status()")
	  or die 'nodes do not come back'
	  for 1 .. 3;
	is($cluster->own_rows($_, 'm'), $written, "$test_name: node $_")
	  for 1 .. 3;
	return;
}

write_points(1, 100);
all_agree('to begin with');

# A replica is down: Quorum goes on, Sync does not, and says who is missing.
$cluster->server(3)->stop('immediate');
write_points(1, 50);
write_points(2, 50);
$cluster->server(3)->start;
all_agree('a replica was down');
set_mode('Sync');
$cluster->server(3)->stop('immediate');
like($cluster->error(1, "SELECT rusts_write(E'" . lines(20) . "')"),
	qr/cannot write to shards .*node "node3"/s, 'Sync refuses');
$cluster->server(3)->start;
all_agree('Sync has refused');

# The majority is away.
set_mode('Quorum');
$cluster->server($_)->stop('immediate') for 2, 3;
like($cluster->error(1, "SELECT rusts_write(E'" . lines(20) . "')"),
	qr/cannot write to shards .*1 of 3 copies, 2 needed/s,
	'Quorum without a majority refuses');
like($cluster->error(1, "SELECT rusts_write('new_m,host=a v=1')"),
	qr/only 1 of 3 nodes/, 'nothing new is made without a majority');
$cluster->server($_)->start for 2, 3;
all_agree('without a majority');

# New columns and measurements while a node is away.
$cluster->server(2)->stop('immediate');
write_points(1, 30, more => ',w=1i');
$cluster->sql(3, "SELECT rusts_write('late_m,host=a,rack=b v=1 1')");
$cluster->server(2)->start;
all_agree('schema change');
$cluster->server(2)->poll_query_until('postgres',
	"SELECT to_regclass('late_m') IS NOT NULL");
$cluster->same_everywhere('SELECT sum(w) FROM m', '30', 'a new field');
$cluster->same_everywhere('SELECT rack, v FROM late_m', 'b|1',
	'a new measurement');

# A client that sends its batch again, here and elsewhere.
write_points(1, 40, batch => 'one');
$written -= 40;
my $again = lines(40);
is($cluster->sql(1, "SELECT rusts_write(E'$again', batch_id => 'one')"), '0',
	'again at the same node');
$cluster->sql($_, "SELECT rusts_write(E'$again', batch_id => 'one')") for 2, 3;
$written += 40;
all_agree('a batch sent again');

# A batch that fails, in a transaction that goes on and writes something else.
$cluster->sql(1, <<'END');
BEGIN;
DO $$ BEGIN
	PERFORM rusts_write(E'failed,host=a v=1 1\nfailed,host=a v="x" 2',
		batch_id => 'failed');
	RAISE 'it has not failed';
EXCEPTION WHEN datatype_mismatch THEN NULL;
END $$;
INSERT INTO failed (time, host, v) VALUES ('2020-01-01', 'a', 77);
COMMIT;
END
is($cluster->sql(2, q{SELECT rusts_write(E'failed,host=a v=1 1\nfailed,host=a v=2 2',
	batch_id => 'failed')}), '2', 'a batch that failed is sent again');
$cluster->same_everywhere('SELECT count(*), sum(v) FROM failed', '3|80',
	'and it was not thought to be there');

# More than is kept in memory, and some of it rolled back.
{
	my $big = q{INSERT INTO big (time, host, s)
		SELECT '2020-01-01'::timestamptz + i * interval '1 s', 'h' || i % 50,
			(SELECT string_agg(md5((i * 1000 + j)::text), '')
			FROM generate_series(1, 300) AS j)
		FROM generate_series(1, 4500) AS i};
	my ($out, $err) = ('', '');

	$cluster->sql(1, q{SELECT rusts_write('big,host=h1 s="" 0')});
	$cluster->server(1)->psql('postgres', "BEGIN; SAVEPOINT a; $big;
		ROLLBACK TO a; $big; COMMIT; BEGIN; SAVEPOINT a; $big; ROLLBACK TO a; COMMIT",
		stdout => \$out, stderr => \$err);
	is($err, '', 'a large transaction');
	$cluster->server($_)->poll_query_until('postgres',
		'SELECT count(*) = 0 FROM rusts.cluster_hint')
	  or die 'hints stay'
	  for 1 .. 3;
	$cluster->same_everywhere('SELECT count(*), sum(length(s)) FROM big',
		'4501|43200000', 'a large transaction');
	is($cluster->own_rows($_, 'big'), '4501', "a large transaction, copy $_")
	  for 1 .. 3;
	$cluster->sql(1, 'DROP TABLE big');
}

# A client that goes away in the middle.
my $left = lines(25);
$cluster->server(1)->psql('postgres',
	"BEGIN; SELECT rusts_write(E'$left'); SELECT pg_terminate_backend(pg_backend_pid())");
all_agree('a client went away');

# Clients of all nodes that make measurements and columns, several in a batch.
{
	my @runs;

	for my $client (1 .. 6)
	{
		my $file = "$PostgreSQL::Test::Utils::tmp_check/make$client.sql";
		my ($out, $err) = ('', '');

		open my $fh, '>', $file or die "could not write $file: $!";
		for my $i (1 .. 20)
		{
			printf $fh "SELECT rusts_write(E'%s');\n", join '\n', map {
				sprintf 'new%d,t%d=a,host=k%d f%d=%d,g%d=%di',
				  ($i * $client + $_ * 7) % 13, ($i + $_) % 9, $client,
				  ($i * $_ + $client) % 11, $i, $_ % 3, $i
			} 1 .. 5;
		}
		close $fh;
		push @runs, { out => \$out, err => \$err, handle => IPC::Run::start(
			[ 'psql', '-XAtq', '-f', $file, '-d',
				$cluster->server($client % 3 + 1)->connstr('postgres') ],
			'>', \$out, '2>', \$err) };
	}
	$_->{handle}->finish for @runs;
	is(join('', map { ${ $_->{err} } } @runs), '',
		'clients of all nodes that make the same columns');
	is(scalar(() = join('', map { ${ $_->{out} } } @runs) =~ /^5$/mg), 120,
		'all of it is written');
}

# The coordinator is killed again and again while clients write.
for my $round (1 .. 4)
{
	my @runs;
	my $from = $written;

	for my $client (1 .. 3)
	{
		my ($out, $err) = ('', '');
		my $sql = join "\n", map {
			sprintf "SELECT 'ok', rusts_write(E'%s');", join '\n', map {
				sprintf 'm,host=k%d v=%d %d000000000', $client, $_,
				  1_000_000 * $client + 100_000 * $round + $_
			} $_ * 5 .. $_ * 5 + 4
		} 1 .. 200;

		my $file = "$PostgreSQL::Test::Utils::tmp_check/client$client.sql";

		open my $fh, '>', $file or die "could not write $file: $!";
		print $fh $sql;
		close $fh;
		push @runs, { out => \$out, handle => IPC::Run::start(
			[ 'psql', '-XAtq', '-f', $file, '-d',
				$cluster->server(1)->connstr('postgres') ],
			'>', \$out, '2>', \$err) };
	}
	$cluster->server(1)->poll_query_until('postgres',
		"SELECT count(*) > 100 FROM m WHERE host LIKE 'k%'
			AND extract(epoch FROM time)::int / 100000 % 10 = $round")
	  or die 'nothing is written';
	$cluster->server(1)->stop('immediate');
	$_->{handle}->finish for @runs;
	$cluster->server(1)->start;

	# Acknowledged is there; the last call of each client may be, too.
	my $acknowledged = 0;
	my ($have, $present);

	for my $run (@runs)
	{
		my $count = () = ${ $run->{out} } =~ /^ok\|5$/mg;

		$acknowledged += 5 * $count;
	}
	$cluster->server($_)->poll_query_until('postgres',
		'SELECT count(*) = 0 FROM pg_prepared_xacts') or die 'in doubt'
	  for 1 .. 3;
	$cluster->server($_)->poll_query_until('postgres',
		'SELECT count(*) = 0 FROM rusts.cluster_hint') or die 'hints'
	  for 1 .. 3;
	$cluster->server($_)->poll_query_until('postgres',
		"SELECT bool_and(state = 'live') FROM rusts_cluster_status()")
	  or die 'nodes do not come back'
	  for 1 .. 3;
	$have = $cluster->own_rows(2, 'm') - $from;
	ok($have >= $acknowledged && $have <= $acknowledged + 15,
		"killed: $acknowledged acknowledged, $have there");
	is($have % 5, 0, 'whole batches');
	$written = $from + $have;
	all_agree("the coordinator was killed, $round");
}
$cluster->stop;

done_testing();
