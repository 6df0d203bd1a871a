#!/usr/bin/perl
#
# run.pl
#	  Compare measurements with heap tables in a server that runs.
#
# usage: run.pl [option...]
#	--seed N		where random choices begin; the time by default
#	--schemas N		how many schemas, 10 by default
#	--schema N		this one only
#	--queries N		queries of each, 90 by default
#	--query N		with --print: this one only
#	--conn STRING	connection string; PGHOST and so on count otherwise
#	--psql PATH		the psql to use
#	--dir DIRECTORY	where repros go, the current one by default
#	--log FILE		the server's log, to look for crashes
#	--print			print the schema and its queries instead
#	--sabotage		spoil the heap table first: differences must be found
#	--stop			stop after the first schema with a difference
#	--reduce		make the first difference's script smaller
#	--until TIME	begin no schema after this time, in seconds since 1970
#	--verbose		a line for each schema
#
# The exit status tells whether there was none.
#
# test/diff/run.pl

use strict;
use warnings;

use FindBin;
use Getopt::Long;
use lib $FindBin::RealBin;

use DiffReduce qw(reduce);
use DiffRun;
use DiffScript;

my %option = (seed => time, schemas => 10, queries => 90, conn => '',
	dir => '.', psql => 'psql', sabotage => $ENV{RUSTS_DIFF_SABOTAGE});

GetOptions(\%option, 'seed=s', 'schemas=i', 'schema=i', 'queries=i', 'query=i',
	'conn=s', 'psql=s', 'dir=s', 'log=s', 'print', 'sabotage', 'stop',
	'reduce', 'until=i', 'verbose')
  or die "run.pl: see its first lines for the usage\n";

my @numbers = defined $option{schema} ? $option{schema} : 1 .. $option{schemas};

if ($option{print})
{
	print_schema($_) foreach @numbers;
	exit 0;
}

my $run = DiffRun->new(conn => $option{conn}, dir => $option{dir},
	psql => $option{psql}, log => $option{log});
my $failed = 0;

$| = 1;
print "seed $option{seed}\n";
foreach my $number (@numbers)
{
	last if defined $option{until} && time > $option{until};
	my @failures = $run->run_schema($option{seed}, $number,
		queries => $option{queries}, sabotage => $option{sabotage});

	printf "schema %d: %s\n", $number, @failures ? @failures . ' DIFFERENCES' : 'same'
	  if @failures || $option{verbose};
	print "$_->{report}\n\n" foreach @failures > 5 ? @failures[ 0 .. 4 ] : @failures;
	make_smaller($failures[0])
	  if @failures && $failures[0]{query} && $option{reduce} && !$failed;
	$failed++ if @failures;
	last if $failed && $option{stop};
}
print $run->summary, "\n";
if ($ENV{RUSTS_DIFF_ERRORS})
{
	printf "%6d %s\n", $run->{states}{$_}, $_ =~ s/\n.*//sr
	  foreach sort { $run->{states}{$b} <=> $run->{states}{$a} } keys %{ $run->{states} };
}
exit($failed ? 1 : 0);

sub make_smaller
{
	my ($failure) = @_;

	$failure->{sabotage} = $option{sabotage};
	if (!reduce($run, $failure, 120))
	{
		print "It does not show when the query runs alone.\n\n";
		return;
	}
	$failure->{file} =~ s/\.sql$/-small.sql/;
	$run->write_repro($failure);
	printf "With %d rows:\n%s\nscript: %s\n\n", scalar keys %{ $failure->{schema}{kept} },
	  @$failure{qw(what file)};
	return;
}

sub print_schema
{
	my ($number) = @_;
	my ($schema, $queries) = DiffRun::make_schema($option{seed}, $number, $option{queries});

	print DiffScript::setup_sql($option{seed}, $number, $schema, scalar @{ $schema->{later} })
	  unless defined $option{query};
	foreach my $n (defined $option{query} ? $option{query} : 0 .. $#$queries)
	{
		print "-- query $n, $queries->[$n]{shape}\n",
		  map { "$_->{sql};\n" } @{ $queries->[$n]{steps} };
	}
	return;
}
