# The file of rusts.cluster_config: where it is, what it may be, bytes that are
# no text, databases in other encodings.
#
# test/t/060_cluster_config.pl

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('config');
$node->init(extra => [ '--no-locale', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'rusts'
fsync = off
END
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION rusts');

my $config = <<'END';
node_id = "a"
cluster_name = "test"
replication_mode = "Sync"
replication_factor = 1
shard_count = 2
sharding_strategy = "BySeries"
[[nodes]]
id = "a"
address = "localhost"
shards = [0, 1]
END
my $dir = $node->data_dir;
my $faults = q{SELECT concat_ws(': ', line, message) FROM rusts_cluster_validate()};

sub write_file
{
	my ($path, $content) = @_;

	open my $fh, '>:raw', $path or die "could not write $path: $!";
	print $fh $content;
	close $fh or die "could not write $path: $!";
	return;
}

# What is wrong with a file of that content in the data directory.
sub file_is
{
	my ($content, $expected, $test_name) = @_;

	write_file("$dir/cluster.toml", $content);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->safe_psql('postgres', $faults), $expected, $test_name);
}

# Have rusts.cluster_config name another file.
sub configure
{
	my ($value) = @_;

	$node->append_conf('postgresql.conf', "rusts.cluster_config = '$value'");
	$node->reload;
	$node->poll_query_until('postgres',
		"SELECT current_setting('rusts.cluster_config') = '$value'")
	  or die 'the parameter does not change';
	return;
}

is( $node->safe_psql('postgres', $faults),
	'could not read file "cluster.toml": No such file or directory',
	'no file');
file_is($config, '', 'a file in the data directory');
is($node->safe_psql('postgres', 'SELECT * FROM rusts_cluster_groups()'),
	'0|{0,1}|a|{}', 'its groups');
file_is(
	$config =~ s/shard_count = 2/shard_count = 3/r,
	'5: shard 2: no primary, in shards of no node',
	'what is in the file now counts');

# Bytes that are no text.
file_is("$config# \xff\n", '11: invalid UTF-8', 'invalid UTF-8');
file_is("$config# \xc3", '11: invalid UTF-8', 'the beginning of a character');
file_is("# \xed\xa0\x80\n$config", '1: invalid UTF-8', 'a surrogate');
file_is("$config\n# \0\n", '12: NUL character', 'NUL');
file_is("\xef\xbb\xbf$config", '', 'a byte order mark');
file_is("# \xc3\xa4\n$config", '', 'a comment in UTF-8');
file_is($config . '#' x (1024 * 1024 - length $config), '', 'as large as can be');
file_is(
	$config . '#' x (1024 * 1024 + 1 - length $config),
	'the configuration is larger than 1048576 bytes',
	'a byte larger');
file_is("#\n" x (5 * 1024 * 1024),
	'the configuration is larger than 1048576 bytes', '10 MB');

# A password file in the place of a configuration does not show up anywhere.
file_is("10.0.0.1:5432:db:user:trustno1\n",
	q{1: syntax error: key-value pair: expected '='}, 'a password file');
my ($ret, $stdout, $stderr) =
  $node->psql('postgres', 'SELECT * FROM rusts_cluster_groups()');
unlike(slurp_file($node->logfile), qr/trustno1/, 'nor in the log');

# Files elsewhere, and what is none.
write_file($node->basedir . '/elsewhere.toml', $config);
configure($node->basedir . '/elsewhere.toml');
is($node->safe_psql('postgres', $faults), '', 'an absolute name');
mkdir "$dir/cluster" or die $!;
configure('cluster');
is( $node->safe_psql('postgres', $faults),
	'could not read file "cluster": it is not a regular file',
	'a directory');
system_or_bail('mkfifo', "$dir/cluster.fifo");
configure('cluster.fifo');
is( $node->safe_psql('postgres', $faults),
	'could not read file "cluster.fifo": it is not a regular file',
	'a pipe nobody writes to');
configure('');
is( $node->safe_psql('postgres', $faults),
	'could not read file "": No such file or directory',
	'an empty name');
SKIP:
{
	skip 'root may read everything', 1 if $> == 0;
	write_file("$dir/secret.toml", $config);
	chmod 0, "$dir/secret.toml";
	configure('secret.toml');
	is( $node->safe_psql('postgres', $faults),
		'could not read file "secret.toml": Permission denied',
		'a file that the server may not read');
}

# Other encodings.  The file is UTF-8 in any case.
configure('cluster.toml');
$node->safe_psql('postgres',
	'CREATE DATABASE latin1 ENCODING latin1 TEMPLATE template0');
$node->safe_psql('postgres',
	'CREATE DATABASE ascii ENCODING sql_ascii TEMPLATE template0');
$node->safe_psql($_, 'CREATE EXTENSION rusts') foreach 'latin1', 'ascii';
write_file("$dir/cluster.toml",
	"$config# \xc3\xa4\nuser = \"m\xc3\xbcller\"\n\"gr\xc3\xb6\xc3\x9fe\" = 1\n");
is( $node->safe_psql('latin1', $faults),
	"12: user must be ASCII in a database whose encoding is not UTF8\n"
	  . '13: unknown key "gr??e" of a node',
	'LATIN1');
is( $node->safe_psql('ascii', $faults),
	"13: unknown key \"gr\xc3\xb6\xc3\x9fe\" of a node", 'SQL_ASCII');
is( $node->safe_psql(
		'latin1', q{
		SET client_encoding = latin1;
		SELECT message FROM rusts_cluster_validate(E'a = "m\374ller"') WHERE line = 1}),
	'unknown key "a"',
	'a text in LATIN1');
is( $node->safe_psql(
		'ascii', q{SELECT line, message FROM rusts_cluster_validate(E'\n#\374')}),
	'2|invalid UTF-8',
	'a text in SQL_ASCII that is not UTF-8');

$node->stop;
done_testing();
