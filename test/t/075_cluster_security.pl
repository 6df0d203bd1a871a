# Who may do what in a cluster whose nodes want passwords.
#
# test/t/075_cluster_security.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = ClusterTest->new('secure', factor => 2, mode => 'Quorum');
my %password = (alice => 'Xalice7secret', bob => 'Xbob7secret',
	postgres => 'Xsuper7secret');
my $super = $cluster->sql(1, 'SELECT current_user');

$password{$super} = delete $password{postgres};
for my $i (1 .. 3)
{
	my $server = $cluster->server($i);
	my $dir = $server->data_dir;
	my $hba = slurp_file("$dir/pg_hba.conf");

	$cluster->sql($i, join ';', 'SET password_encryption = \'scram-sha-256\'',
		map { ($_ eq $super ? 'ALTER' : 'CREATE')
			. " ROLE $_ LOGIN PASSWORD '$password{$_}'" } sort keys %password);
	$cluster->sql($i, 'GRANT CREATE ON SCHEMA public TO alice, bob');

	# Sessions of this test come by socket; nodes need passwords.
	$hba =~ s/^(host\s.*)\btrust\s*$/$1scram-sha-256/mg;
	open my $fh, '>', "$dir/pg_hba.conf" or die $!;
	print $fh $hba;
	close $fh;
	open $fh, '>', "$dir/cluster.pass" or die $!;
	print $fh "127.0.0.1:*:*:$_:$password{$_}\n" for sort keys %password;
	close $fh;
	chmod 0600, "$dir/cluster.pass";
	$server->reload;
}

# Each node's password file is in its data directory.
for my $i (1 .. 3)
{
	my $text = $cluster->config($i);

	$text =~ s/^(address = .*)$/$1\npassfile = "cluster.pass"/mg;
	open my $fh, '>', $cluster->server($i)->data_dir . '/cluster.toml' or die $!;
	print $fh $text;
	close $fh;
}
$cluster->apply;

sub as
{
	my ($role, $number, $sql) = @_;
	my ($out, $err) = ('', '');

	$cluster->server($number)->psql('postgres', $sql, stdout => \$out,
		stderr => \$err, extra_params => [ '-U', $role ]);
	return $err ne '' ? $err : $out;
}

my $lines = join '\n', map { "mine,host=h$_ v=$_ $_" } 1 .. 30;

is(as('alice', 1, "SELECT rusts_write(E'$lines')"), '30', 'alice writes');
is(as('alice', $_, 'SELECT count(*), sum(v) FROM mine'), '30|465',
	"alice reads on node $_") for 1 .. 3;
is($cluster->sql(2, q{SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
	WHERE relname LIKE 'mine%'}), 'alice', 'all of it is hers on another node');

# What she has not given away, nobody else gets by way of another node.
for my $i (1 .. 3)
{
	like(as('bob', $i, 'SELECT count(*) FROM mine'),
		qr/permission denied for table mine/, "bob does not read on node $i");
	like(as('bob', $i, "SELECT rusts_write('mine,host=h1 v=5')"),
		qr/permission denied/, "bob does not write on node $i");
	like(as('bob', $i, "SELECT rusts_write('mine,host=h1 other=5')"),
		qr/permission denied|must be owner/, "nor makes a column on node $i");
}
my $part = $cluster->sql(1, q{SELECT min(inhrelid::regclass::text) FROM pg_inherits
	JOIN pg_class AS c ON c.oid = inhrelid WHERE relkind = 'r'
	AND inhparent = 'mine'::regclass});
my ($bare) = $part =~ /\.(.*)/;

like(as('bob', 1, "SELECT rusts.store_image('$bare', '{}', '')"),
	qr/permission denied/, 'bob does not store images');
like(as('bob', 1, "SELECT * FROM $part"), qr/permission denied/,
	'nor reads a part');
like(as('bob', 1, $_), qr/permission denied|must be superuser/, "bob: $_")
  for 'SELECT rusts_cluster_apply()',
  q{SELECT rusts.cluster_accept('', '')},
  'SELECT * FROM rusts.cluster', 'SELECT * FROM rusts.cluster_hint',
  'SELECT * FROM rusts.cluster_batch', 'SELECT * FROM rusts.cluster_decision';

# What the cluster does in schemas that are not his does not use his operators.
$cluster->sql($_, 'CREATE SCHEMA bobs AUTHORIZATION bob') for 1 .. 3;
is(as('bob', 1, <<'END'), "1\n{host}", 'operators of bob are not used');
SET search_path = bobs;
CREATE FUNCTION same(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'run as %', current_user;
	RETURN $1 OPERATOR(pg_catalog.=) $2;
END $$;
CREATE FUNCTION same(oid, regclass) RETURNS boolean LANGUAGE sql AS
	'SELECT bobs.same($1, $2::oid)';
CREATE FUNCTION same(name, name) RETURNS boolean LANGUAGE sql AS
	'SELECT bobs.same(1, 1) AND $1 OPERATOR(pg_catalog.=) $2';
CREATE OPERATOR = (LEFTARG = oid, RIGHTARG = oid, FUNCTION = same);
CREATE OPERATOR = (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = same);
CREATE OPERATOR = (LEFTARG = name, RIGHTARG = name, FUNCTION = same);
SET search_path = bobs, pg_catalog;
SELECT public.rusts_write('his,host=a v=1 1');
SELECT rusts.cluster_ensure('bobs', 'here', '{time,host}', '{time,tag}');
ALTER TABLE bobs.his OWNER TO bob;
ALTER TABLE bobs.his ALTER COLUMN v SET NOT NULL;
DROP TABLE bobs.his;
END

# Nowhere a password.
for my $secret (values %password)
{
	for my $i (1 .. 3)
	{
		is($cluster->sql($i, "SELECT count(*) FROM pg_foreign_server
			WHERE srvoptions::text LIKE '%$secret%'"), '0',
			'no password in servers');
		is($cluster->sql($i, "SELECT count(*) FROM pg_user_mappings
			WHERE umoptions::text LIKE '%$secret%'"), '0',
			'no password in mappings');
	}
}

# A password that is wrong: neither it nor the file is told.
for my $i (1 .. 3)
{
	my $file = $cluster->server($i)->data_dir . '/cluster.pass';
	my $content = slurp_file($file);

	$content =~ s/$password{alice}/Xwrong7secret/;
	open my $fh, '>', $file or die $!;
	print $fh $content;
	close $fh;
}
my $error = as('alice', 1, "SELECT rusts_write('mine,host=h1 v=5 1')")
  . as('alice', 2, 'SELECT count(*) FROM mine')
  . $cluster->error(3, 'SET ROLE alice; SELECT count(*) FROM mine');

like($error, qr/password authentication failed/, 'a wrong password');
unlike($error, qr/7secret/, 'and no secret in the errors');
for my $i (1 .. 3)
{
	unlike(slurp_file($cluster->server($i)->logfile) =~
		  s/^.*(?:ALTER|CREATE) ROLE.*$//mgr,
		qr/7secret/, "none in the log of node $i");
}
$cluster->stop;

done_testing();
