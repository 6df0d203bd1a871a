# Damage: every kind is reported as such and names measurement and segment;
# everything else stays readable; what is damaged can be dropped.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $sum = 'SELECT count(*), sum(i), count(DISTINCT s) FROM';

# A measurement of three hot segments, a day each, and two active batches.
my $make = q{
	CREATE TABLE %1$s (time timestamptz NOT NULL, t text, i int8, s text) USING rusts;
	SECURITY LABEL FOR rusts ON COLUMN %1$s.t IS 'tag';
	INSERT INTO %1$s SELECT '2024-01-01'::timestamptz + d * interval '1 day' + i * interval '1 second',
		   't' || i %% 10, i + d * 10000, md5(i::text)
	  FROM generate_series(1, 3000) i, generate_series(0, 2) d;
	SELECT rusts_flush('%1$s');
	INSERT INTO %1$s SELECT '2024-02-01', 'a', -i, i FROM generate_series(1, 10) i;
	INSERT INTO %1$s SELECT '2024-02-01', 'b', -i, i FROM generate_series(1, 20) i};
my $all = '9030|103504235|3020';

# Change the main fork of a stopped server's measurement.
sub damage
{
	my ($file, $change) = @_;
	my $bytes = slurp_file($file);

	$change->($bytes);
	open my $out, '>', $file or die;
	binmode $out;
	print $out $bytes;
	close $out;
	return;
}

foreach my $checksums (0, 1)
{
	my $node = PostgreSQL::Test::Cluster->new("corruption$checksums");
	my @option =
		$checksums ? '--data-checksums'
	  : $node->pg_version >= 18 ? '--no-data-checksums'
	  : ();
	$node->init(extra =>
		  [ '--no-locale', '--encoding=UTF8', @option ]);
	$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'rusts'
fsync = off
wal_level = replica
autovacuum = off
rusts.flush_max_age = 1d
END
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION rusts');
	my $name = $checksums ? 'checksums' : 'no checksums';

	# What is done to the file of the second segment, at block $b of 8 kB.
	my %damages = (
		flip => sub { substr($_[0], $_[1] * 8192 + 1000, 1) ^= "\x40" },
		flip_special => sub { substr($_[0], $_[1] * 8192 + 8180, 1) ^= "\x01" },
		flip_header => sub { substr($_[0], $_[1] * 8192 + 12, 2) = "\xff\xff" },
		zeroes => sub { substr($_[0], $_[1] * 8192, 8192) = "\0" x 8192 },
		noise => sub { substr($_[0], $_[1] * 8192, 8192) = join '', map { chr(($_ * 7919) % 256) } 1 .. 8192 },
		swap => sub {
			my $page = substr($_[0], 8192, 8192);
			substr($_[0], $_[1] * 8192, 8192) = $page;
		},
		last_page => sub { substr($_[0], ($_[1] + 1) * 8192 + 100, 1) ^= "\x01" });
	my (%file, %block, %segment);
	foreach my $kind (sort keys %damages)
	{
		$node->safe_psql('postgres', sprintf $make, $kind);
		is($node->safe_psql('postgres', "$sum $kind"),
			$all, "$name: measurement to damage")
		  if $kind eq 'flip';
		$file{$kind} = $node->data_dir . '/'
		  . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$kind')");
		($segment{$kind}, $block{$kind}) = split /\|/,
		  $node->safe_psql(
			'postgres', qq{
			SELECT segment_id, first_block FROM rusts.segment
			 WHERE storage_id = rusts.storage_id('$kind'::regclass)
			   AND level = 1 ORDER BY min_time OFFSET 1 LIMIT 1});
	}
	foreach my $m ('good', 'cut', 'cut_all', 'metapage', 'magic', 'missing')
	{
		$node->safe_psql('postgres', sprintf $make, $m);
		$file{$m} = $node->data_dir . '/'
		  . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$m')");
	}
	my $cut = $node->safe_psql(
		'postgres', q{
		SELECT first_block FROM rusts.segment
		 WHERE storage_id = rusts.storage_id('cut'::regclass)
		   AND level = 1 ORDER BY first_block DESC LIMIT 1});
	$node->stop;
	damage($file{$_}, sub { $damages{$_}->($_[0], $block{$_}) })
	  foreach keys %damages;
	damage($file{cut}, sub { substr($_[0], $cut * 8192 + 100) = '' });
	damage($file{cut_all}, sub { substr($_[0], 8192) = '' });
	damage($file{metapage}, sub { substr($_[0], 0, 8192) = 'x' x 8192 });
	damage($file{magic}, sub { substr($_[0], 24, 1) = 'x' });
	damage($file{missing}, sub { $_[0] = '' });
	$node->start;

	foreach my $kind (sort(keys %damages), 'cut')
	{
		my $segment = $segment{$kind} // '\d+';

		fails_with(
			$node, 'postgres', "$sum $kind", 'XX001',
			"segment $segment of measurement \"$kind\"",
			"$name, $kind: the error names measurement and segment");
		my ($ret, $stdout, $stderr) = $node->psql('postgres',
			"SET rusts.skip_corrupt_segments = on; $sum $kind");
		like($stdout, qr/^6030\|\d+\|3020$/,
			"$name, $kind: the rest can be read");
		like(
			$stderr,
			qr/WARNING:  segment $segment of measurement "$kind" is corrupted/,
			"$name, $kind: with a warning");
		fails_with($node, 'postgres', "VACUUM FULL $kind", 'XX001',
			"segment $segment of measurement \"$kind\"",
			"$name, $kind: VACUUM FULL loses nothing");
		is( $node->safe_psql('postgres',
				"SELECT rusts_write('$kind,t=new i=1i 1'); SELECT rusts_flush('$kind')"),
			"1\n31",
			"$name, $kind: can be written to and flushed");
		$node->safe_psql('postgres', "VACUUM $kind");
	}
	fails_with($node, 'postgres', "$sum cut_all", 'XX001',
		'segment \d+ of measurement "cut_all"',
		"$name: a file with nothing but the metapage");
	is( ($node->psql('postgres', "SET rusts.skip_corrupt_segments = on; $sum cut_all"))[1],
		'30|-265|20',
		"$name: of which the active rows can be read");
	foreach my $m ('metapage', 'magic', 'missing')
	{
		my $names = $m eq 'magic' && !$checksums ? "\"$m\"" : '(block 0|blocks 0..0|metapage)';

		fails_with($node, 'postgres', $_, 'XX001', $names, "$name, $m: $_")
		  foreach "SELECT count(*) FROM $m",
		  "SELECT rusts_write('$m,t=a i=1i')",
		  "SELECT rusts_flush('$m')",
		  "VACUUM $m";
	}
	is($node->safe_psql('postgres', "$sum good"),
		$all, "$name: other measurements are readable");
	is($node->safe_psql('postgres', "SELECT rusts_flush('good')"),
		'30', "$name: and can be flushed");
	is( $node->safe_psql('postgres',
			q{SELECT rows FROM rusts.measurements WHERE measurement::text = 'good'}),
		'9030',
		"$name: the views work");

	# A page that was sound when it was in the same buffer before: buffers that
	# a move sets free are taken again in the same order each time.
	my $moves = join ';',
	  map { ("$sum again", "ALTER TABLE again SET TABLESPACE $_") } ('other', 'pg_default') x 2;
	$node->safe_psql('postgres', sprintf $make, 'again');
	$node->safe_psql('postgres',
		"SET allow_in_place_tablespaces = on; CREATE TABLESPACE other LOCATION ''");
	my ($path) = $node->safe_psql('postgres',
		"SELECT pg_relation_filepath('again'); $moves; SELECT pg_relation_filepath('again')") =~ /(.*)\z/;
	damage($node->data_dir . "/$path", sub { $damages{flip}->($_[0], 10) });
	my ($ret, $stdout, $stderr) = $node->psql('postgres',
		join(';', ("$sum again") x 3), on_error_stop => 0);
	my @errors = $stderr =~ /ERROR:/g;
	is($stdout, '', "$name: a page is not sound because it once was");
	is(@errors, 3, "$name: as everybody is told");
	unlike($stderr, qr/decoded/, "$name: before it is decoded");

	$node->safe_psql('postgres',
		"SELECT rusts_write('good,t=x i=1i 1')");
	$node->append_conf('postgresql.conf', 'rusts.flush_max_points = 1');
	$node->reload;
	wait_until($node, 'postgres', q{
		SELECT count(*) = 0 FROM rusts.segments
		 WHERE measurement = 'good'::regclass AND tier = 'active'},
		"$name: and the worker works");
	foreach my $m ('metapage', 'missing', 'flip')
	{
		$node->safe_psql('postgres', "TRUNCATE $m");
		$node->safe_psql('postgres', "INSERT INTO $m VALUES (now(), 'a', 1, 'b')");
		is($node->safe_psql('postgres', "$sum $m"),
			'1|1|1', "$name, $m: TRUNCATE makes it usable");
	}
	$node->safe_psql('postgres', "DROP TABLE $_") foreach 'magic', 'cut', 'zeroes';
	pass("$name: what is damaged can be dropped");
	$node->stop;
}

# The directory's own rows.
my $node = new_node(
	'directory', conf => <<'END');
autovacuum = off
rusts.flush_max_age = 1d
END
$node->safe_psql('postgres', sprintf $make, 'm');
$node->safe_psql('postgres',
	'ALTER TABLE rusts.segment DROP CONSTRAINT segment_nrows_check');
my $entry = q{storage_id = rusts.storage_id('m'::regclass) AND segment_id =
	(SELECT max(segment_id) FROM rusts.segment WHERE storage_id = rusts.storage_id('m'::regclass))};
my $length = $node->safe_psql('postgres',
	"SELECT length(payload) FROM rusts.segment WHERE $entry");
my @changes = (
	"payload = ''", "payload = '\\x00'", 'payload = NULL',
	'payload = substr(payload, 1, length(payload) - 1)',
	"payload = payload || '\\x00'",
	'payload = repeat(\'x\', length(payload))::bytea',
	'nrows = nrows + 1', 'nrows = nrows - 1', 'bytes = bytes - 1', 'bytes = 0',
	'bytes = 1::int8 << 60', 'nrows = -1',
	'payload = NULL, first_block = 1, nblocks = 1',
	'payload = NULL, first_block = 4294967294, nblocks = 2',
	'payload = NULL, first_block = 100000, nblocks = 2147483647, bytes = 1::int8 << 30');
push @changes,
  map { "payload = set_bit(payload, $_, 1 - get_bit(payload, $_))" }
  map { $_ * 8 + $_ % 8 } 0 .. $length - 1;
my $last = $node->safe_psql('postgres',
	"SELECT segment_id FROM rusts.segment WHERE $entry");
my @wrong;
foreach my $change (@changes)
{
	my ($ret, $stdout, $stderr) = $node->psql(
		'postgres', qq{
		BEGIN;
		UPDATE rusts.segment SET $change WHERE $entry;
		SAVEPOINT a;
		$sum m;
		ROLLBACK TO a;
		SET rusts.skip_corrupt_segments = on;
		$sum m;
		ROLLBACK},
		on_error_stop => 0,
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);

	push @wrong, "$change: $stdout $stderr"
	  if $stdout ne '9010|103504445|3010'
	  || $stderr !~ /ERROR:  XX001: segment $last of measurement "m" is corrupted/
	  || $stderr !~ /WARNING:  XX001: segment $last of measurement "m" is corrupted/;
}
is(join("\n", @wrong), '',
	'every change of a directory row is found, and the rest readable');
is($node->safe_psql('postgres', "$sum m"), $all, 'all is well without one');
$node->stop;
done_testing();
