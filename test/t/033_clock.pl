# The clock of the machine is set back by an hour.  The workers go on; none
# waits for the time that it had been before.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

# The server's clock is the machine's and what is in a file.
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/clock.c", <<'END');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>

static volatile int64_t *offset_s;
static int	(*real) (struct timeval *, void *);

__attribute__((constructor)) static void
init(void)
{
	int			fd = open(getenv("TEST_CLOCK"), O_RDONLY);

	offset_s = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	real = (int (*) (struct timeval *, void *)) dlsym(RTLD_NEXT,
													  "gettimeofday");
}

int
gettimeofday(struct timeval *tv, void *tz)
{
	int			result = real(tv, tz);

	tv->tv_sec += *offset_s;
	return result;
}
END
my $cc = $ENV{CC} // 'cc';
system_or_bail($cc, '-shared', '-fPIC', '-o', "$dir/clock.so",
	"$dir/clock.c", '-ldl');

sub set_clock
{
	my ($offset_s) = @_;

	open my $file, '+<', "$dir/offset" or die;
	syswrite $file, pack('q', $offset_s);
	close $file;
	return;
}

my $node;

sub is_flushed
{
	my ($measurement, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_until(
		$node, 'postgres', qq{
		SELECT count(*) = 0 FROM rusts.segments
		 WHERE measurement = '$measurement'::regclass AND tier = 'active'},
		$name);
}

append_to_file("$dir/offset", pack('q', 0));
chmod 0755, $dir;
$ENV{TEST_CLOCK} = "$dir/offset";
$ENV{LD_PRELOAD} = "$dir/clock.so";
$node = new_node(
	'clock', conf => <<'END');
wal_writer_delay = 10s
rusts.wal_sync_interval = 3s
rusts.flush_max_points = 10
rusts.flush_max_age = 1d
END
delete $ENV{LD_PRELOAD};

# What keeps failing, and a database that nobody can connect to.
$node->safe_psql('postgres', q{
	SELECT rusts_write('good v=1 1'), rusts_write('aged v=1 1')});
$node->safe_psql('postgres', 'CREATE DATABASE closed');
$node->safe_psql('closed', 'CREATE EXTENSION rusts');
$node->safe_psql('closed', "SELECT rusts_write('m v=1')");
worker_pid($node, 'closed');
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS false');
$node->safe_psql(
	'postgres', q{
	SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
	 WHERE datname = 'closed'});
$node->wait_for_log('database "closed" is not currently accepting connections');

# A flush has just been done, and the WAL sync worker waits for its interval.
my $rows = join '\n', map { "good v=$_ ${_}000" } 1 .. 20;
$node->safe_psql('postgres', "SELECT rusts_write(E'$rows')");
is_flushed('good', 'a flush');
$node->safe_psql('postgres', q{
	SELECT rusts_set_wal_mode('aged', 'periodic'); SELECT rusts_write('aged v=2 2')});
$node->poll_query_until(
	'postgres', q{
	SELECT count(*) = 1 FROM pg_stat_activity
	 WHERE backend_type = 'rusts WAL sync worker'}) or die;
$node->poll_query_until('postgres',
	q{SELECT rusts_write('aged v=3 3') > 0 AND rusts.wal_syncs() > 0})
  or die;
my $syncs = $node->safe_psql('postgres',
	q{SELECT rusts_write('aged v=4 4'), rusts.wal_syncs()});
$syncs =~ s/.*\|//;
set_clock(-3600);

wait_until($node, 'postgres',
	qq{SELECT rusts_write('aged v=5 5') > 0 AND rusts.wal_syncs() > $syncs},
	'WAL is flushed');
$rows =~ s/000/001/g;
$node->safe_psql('postgres', "SELECT rusts_write(E'$rows')");
is_flushed('good', 'the next flush');
# Batches from the future.
$node->append_conf('postgresql.conf', "rusts.flush_max_age = 1s\n");
$node->reload;
is_flushed('aged', 'what was written before is flushed when it is old');

$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS true');
worker_pid($node, 'closed');
pass('a worker that could not be started is started');

$node->stop;
done_testing();
