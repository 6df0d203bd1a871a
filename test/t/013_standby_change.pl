# What changes on a primary a standby sees as it is: deleted and updated rows,
# points written twice, segments that are compacted, moved to the cold tier,
# dropped, purged; its readers go on, and it goes on as a primary.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $primary = new_node(
	'primary',
	init => { allows_streaming => 1 },
	conf => <<'END');
rusts.flush_max_age = 1d
rusts.job_interval = 1d
wal_consistency_checking = 'all'
hot_standby_feedback = on
max_prepared_transactions = 5
END
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $digest = q{SELECT count(*), sum(i), min(time), max(time),
	md5(string_agg(to_jsonb(m)::text, '' ORDER BY host, time, i)) FROM m};
my @questions = (
	$digest,
	'SELECT count(*), min(time), max(time) FROM m',
	'SELECT host, count(*), sum(i), last(v, time) FROM m GROUP BY host ORDER BY host',
	q{SELECT time_bucket('1 day', time) AS day, sum(i) FROM m GROUP BY 1 ORDER BY 1},
	'SELECT * FROM rusts.segments ORDER BY 1, 2',
	'SELECT * FROM rusts.policies ORDER BY 1, 2');

# One test: both give the same answers.
sub same
{
	my ($test_name) = @_;
	my (@wanted, @got);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$primary->wait_for_catchup($standby);
	foreach my $sql (@questions)
	{
		push @wanted, $primary->safe_psql('postgres', $sql);
		push @got, $standby->safe_psql('postgres', $sql);
	}
	is(join("\n--\n", @got), join("\n--\n", @wanted), $test_name);
}

sub on_primary
{
	return $primary->safe_psql('postgres', join(';', @_));
}

# A day has 8,640 points of each host; j 1 writes some of j 0 again.
on_primary(
	q{SELECT rusts_write(string_agg(format('m,host=h%s i=%si,v=%s %s', i % 4, i, i / 4.0,
		1704067200000000000 + (i / 4) * 40000000000), E'\n'))
	  FROM generate_series(1, 40000) i, generate_series(0, 4) j WHERE i % 5 = j GROUP BY j});
same('points');
on_primary("SELECT rusts_flush('m')",
	q{SELECT rusts_write(string_agg(format('m,host=h%s v=%s %s', i % 4, i,
		1704067200000000000 + (i / 4) * 40000000000), E'\n'))
	  FROM generate_series(1, 40000, 7) i});
same('points written twice');

# Two readers that stay where they are: one snapshot each.
my $old = $standby->safe_psql('postgres', $digest);
my $reader = open_session($standby);
tell_session($reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; $digest");
my $cursor = open_session($standby);
tell_session($cursor, 'BEGIN; DECLARE c CURSOR FOR SELECT i FROM m ORDER BY i; FETCH 3 FROM c');

on_primary(q{DELETE FROM m WHERE i % 3 = 0},
	q{UPDATE m SET v = -v WHERE host = 'h1' AND time < '2024-01-03'});
same('deleted and updated rows');
on_primary("SELECT rusts_flush('m')", "SELECT rusts_compact('m')");
same('compacted');
on_primary("SELECT rusts_tier('m', '2024-01-04')");
same('in the cold tier');
is(tell_session($reader, $digest) =~ /\Q$old\E/ ? 1 : 0,
	1, 'an old snapshot of the standby sees what it saw');
like(tell_session($cursor, 'MOVE FORWARD 39990 FROM c; FETCH ALL FROM c; COMMIT'),
	qr/^40000$/m, 'and so does a cursor');
tell_session($reader, 'COMMIT');
close_session($_) foreach ($reader, $cursor);

on_primary("SELECT rusts_purge('m')", 'VACUUM m', 'VACUUM rusts.segment',
	'VACUUM rusts.deletion');
same('purged');
on_primary("SELECT rusts_add_retention_policy('m', now() - '2024-01-03')",
	'SELECT rusts_run_jobs()');
same('without what a policy has dropped');
# Refused there, by what a user can understand.
foreach my $sql (
	'DELETE FROM m', 'UPDATE m SET i = 1', 'SELECT * FROM m FOR UPDATE',
	"SELECT rusts_compact('m')", "SELECT rusts_tier('m', now())",
	"SELECT rusts_purge('m')", 'SELECT rusts_run_jobs()',
	"SELECT rusts_add_retention_policy('n', interval '1 day')",
	"SELECT rusts_set_duplicates('m', 'keep')",
	"SELECT rusts_set_wal_mode('m', 'none')")
{
	fails_with($standby, 'postgres', $sql, '25006', '', "standby: $sql");
}
like($standby->safe_psql('postgres', 'SELECT rusts_health(), rusts_ready(), rusts_stats()'),
	qr/\{/, 'a standby tells how it is');

# Changes that were under way when the primary was lost.
on_primary(q{BEGIN; DELETE FROM m WHERE host = 'h2'; SELECT pg_current_xact_id()});
my $doubtful = open_session($primary);
tell_session($doubtful, q{BEGIN; DELETE FROM m; UPDATE m SET i = 0});
my $before = on_primary($digest);
$primary->wait_for_catchup($standby);
stop_hard($primary);
$standby->promote;
is($standby->safe_psql('postgres', $digest), $before,
	'the promoted standby has what was committed');
$standby->safe_psql('postgres', q{DELETE FROM m WHERE host = 'h0'; UPDATE m SET i = i + 1});
my $after = $standby->safe_psql('postgres', $digest);
isnt($after, $before, 'and is changed');
$standby->safe_psql('postgres', "SELECT rusts_flush('m'); SELECT rusts_compact('m')");
is($standby->safe_psql('postgres', $digest), $after, 'and compacted');
consistent($standby, 'postgres', 'directory, files and scans agree');

done_testing();
