# What psql is told to do, and what it prints.
#
# A mark after each statement tells answers apart.
#
# test/diff/DiffScript.pm

package DiffScript;

use strict;
use warnings;

use Exporter 'import';

use DiffLoad qw(create_sql later_sql);
use DiffRandom;
use DiffShapes;

our @EXPORT_OK = qw(setup_sql later_script settings marked query_script answers);

my $mark = "\x01";
my $message_mark = "\x02";

# What a session needs that changes rows.
my $session = "SET timezone = 'UTC';\nSET rusts_diff.cutoff = '2024-01-02';\n";

# The statements that make a schema, from nothing, with as many of the later
# steps as are wanted.
sub setup_sql
{
	my ($seed, $number, $schema, $phase) = @_;
	my $rng = DiffRandom->new($seed, $number, 'views');

	return $session . DiffShapes::dim_sql($rng, $schema)
	  . create_sql($schema)
	  . DiffShapes->view_sql($rng, $schema)
	  . later_sql($schema, @{ $schema->{kept_later} // [ later_steps($schema, $phase // 0) ] });
}

# Some steps that come after loading.
sub later_script
{
	my ($schema, @steps) = @_;

	return $session . later_sql($schema, @steps);
}

# The steps between loading and the queries of a phase.
sub later_steps
{
	my ($schema, $phase) = @_;

	return map { @$_ } @{ $schema->{later} }[ 0 .. $phase - 1 ];
}

# What is the same in all sessions that ask.
sub settings
{
	my ($schema, $side, $timeout) = @_;

	return {
		search_path => "$side,public",
		timezone => $schema->{zone},
		statement_timeout => "${timeout}s",
		'rusts_diff.cutoff' => '2024-01-02',
		$side eq 'h' ? (max_parallel_workers_per_gather => 0) : () };
}

# One statement and the mark after it.
sub marked
{
	my ($sql, $id) = @_;

	return "$sql;\n\\if :ERROR\n\\echo $message_mark :LAST_ERROR_MESSAGE\n\\endif\n"
	  . "\\echo $mark $id :SQLSTATE $mark\n";
}

# A query under some settings, with marks; on the heap table, where rows are
# looked up that LIMIT has left out, also without it.
sub query_script
{
	my ($query, $id, $side, @set) = @_;
	my $compare = $query->{steps}[0]{compare};
	my $n = 0;
	my $sql = join '', map { "$_;\n" } 'RESET ALL', @set, @{ $query->{settings} // [] },
	  $query->{role} ? 'SET ROLE rusts_diff_reader' : ();

	$sql .= marked($side eq 'h' ? $_->{heap_sql} // $_->{sql} : $_->{sql}, "$id " . $n++)
	  foreach @{ $query->{steps} };
	$sql .= marked($compare->{superset}, "$id superset")
	  if $compare && defined $compare->{superset} && $side eq 'h';
	$sql .= "RESET ROLE;\n" if $query->{role};
	return $sql;
}

# Split what psql has printed: id => [ SQLSTATE, answer, message ].
sub answers
{
	my ($text) = @_;
	my %answers;

	while ($text =~ /\G(.*?)$mark (\S+ \S+ \S+) (\S+) $mark\n/gcs)
	{
		my ($answer, $id, $state) = ($1, $2, $3);
		my $message = $answer =~ s/$message_mark (.*)\z//s ? $1 : '';

		$answers{$id} = [ $state, $answer, $message ];
		$answers{last} = $id;
	}
	return \%answers;
}

1;
