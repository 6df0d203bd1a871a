# Random measurements, random queries: every answer is compared with that of a
# heap table of the same rows, under several settings (test/diff).
#
#	$RUSTS_DIFF_SEED		where random choices begin; the time by default
#	$RUSTS_DIFF_SCHEMAS		how many measurements
#	$RUSTS_DIFF_QUERIES		queries of each
#	$RUSTS_DIFF_SECONDS		begin no measurement after so long, 120 by default
#	$RUSTS_DIFF_SABOTAGE	spoil the heap tables: every test must fail

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../diff";

use DiffRun;
use DiffServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $seed = $ENV{RUSTS_DIFF_SEED} // time;
my $schemas = $ENV{RUSTS_DIFF_SCHEMAS} // 24;
my $seconds = $ENV{RUSTS_DIFF_SECONDS} // 120;
my $queries = $ENV{RUSTS_DIFF_QUERIES} // 90;

my $node = new_node('differential', conf => DiffServer::server_conf());
my $run = DiffRun->new(
	conn => $node->connstr('postgres'),
	dir => $PostgreSQL::Test::Utils::tmp_check,
	log => $node->logfile);

note "RUSTS_DIFF_SEED=$seed";
my $begin = time;
foreach my $number (1 .. $schemas)
{
	last if time - $begin > $seconds && !defined $ENV{RUSTS_DIFF_SCHEMAS};
	my @failures = $run->run_schema($seed, $number, queries => $queries,
		sabotage => $ENV{RUSTS_DIFF_SABOTAGE});

	ok(!@failures, "seed $seed, schema $number: same answers");
	diag $_->{report} foreach @failures > 3 ? @failures[ 0 .. 2 ] : @failures;
	diag @failures - 3 . ' more differences' if @failures > 3;
}
note $run->summary;

# One row too few, or one other value, is noticed, and by more than the query
# for all rows.
my $spoilt = 0;
my $noticed = 0;
foreach my $number (1 .. 3)
{
	my @failures = $run->run_schema('sabotage', $number, queries => 60,
		sabotage => 1, spare => 1);

	$spoilt++ if @failures;
	$noticed += grep { $_->{number} } @failures;
}
is($spoilt, 3, 'a twin that lacks a row or has another value is detected');
cmp_ok($noticed, '>', 10, 'by many of the queries');
done_testing();
