#!/usr/bin/perl
#
# smith_log.pl
#	  What a server's log in JSON tells of crashes and internal errors.
#
# An internal error is the extension's when it comes from one of its files, or
# when the same statement succeeds, or fails otherwise, without its plan nodes.
# The server must still run for that, and libpq's environment must name it.
#
# usage: smith_log.pl log
#	$PSQL	the psql to use
#
# The last line is "N passed, N failed".
#
# test/tools/smith_log.pl

use strict;
use warnings;

use JSON::PP;

my %ours = map { m{([^/]+)$} ? ($1 => 1) : () } glob 'src/*/*.c src/*.c';
my $psql = $ENV{PSQL} // 'psql';
my @off = grep { my $s = $_; ask("SELECT count(*) FROM pg_settings WHERE name = '$s'") eq '1' }
  qw(rusts.enable_scan rusts.enable_agg rusts.enable_shortcuts);
my (%seen, %states, @bad);
my $others = 0;

open my $log, '<', $ARGV[0] or die "could not read $ARGV[0]: $!";
while (my $line = <$log>)
{
	my $entry = eval { decode_json($line) } or next;
	my $state = $entry->{state_code} // '';
	my $message = $entry->{message} // '';

	$states{$state}++;
	if ($message =~ /terminated by signal|^TRAP/ || $entry->{error_severity} eq 'PANIC')
	{
		push @bad, $message . ' ' . ($entry->{detail} // '');
		next;
	}
	next unless $state =~ /^(?:XX|58)/;
	my $place = ($entry->{file_name} // '?') . ':' . ($entry->{file_line_num} // '?');
	my $shape = "$place " . $message =~ s/\d+/N/gr;

	next if $seen{$shape}++ > 2;
	my $mine = $ours{ $entry->{file_name} // '' };
	if (!$mine && @off && defined $entry->{statement})
	{
		my $again = ask("\\set VERBOSITY sqlstate\n"
			  . join('', map { "SET $_ = off;\n" } @off)
			  . "BEGIN;\n$entry->{statement};\nROLLBACK;\n");

		$mine = $again !~ /\b$state\b/;
	}
	if ($mine)
	{
		push @bad, "$state $place: $message\n" . ($entry->{statement} // '') . ';';
	}
	else
	{
		$others++;
	}
}

# A failed assertion is not in the collector's format.
(my $plain = $ARGV[0]) =~ s/smith\.json$/log/;
if (open my $fh, '<', $plain)
{
	push @bad, grep { /TRAP|PANIC/ } <$fh>;
}

print "errors by SQLSTATE: ", join(', ', map { "$_ $states{$_}" }
	sort { $states{$b} <=> $states{$a} } keys %states), "\n";
print "$others internal errors that PostgreSQL has by itself\n" if $others;
print "not ok - $_\n\n" foreach @bad;
printf "\n%d passed, %d failed\n", @bad ? 0 : 1, scalar @bad;
exit(@bad ? 1 : 0);

sub ask
{
	my ($sql) = @_;
	my $file = "/tmp/smith_log.$$.sql";

	open my $fh, '>:utf8', $file or die "could not write $file: $!";
	print $fh $sql;
	close $fh;
	my $answer = `$psql -X -q -A -t -f $file 2>&1`;
	unlink $file;
	chomp $answer;
	return $answer;
}
