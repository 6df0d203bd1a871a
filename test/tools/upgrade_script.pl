#!/usr/bin/perl
#
# upgrade_script.pl
#	  Write the script that brings an installed version of the extension up to
#	  the present one.
#
# The install script of the version before is kept as it was released, in
# sql/versions.  What the present one says and that one does not is what an
# upgrade has to do: the statements that are new are taken as they are, those
# that make a function, an aggregate or a view that was there replace it.
#
# What cannot be derived is written by hand, in sql/upgrade, and goes first:
# DROP of what is gone, ALTER TABLE of a table (which must leave the columns in
# the order in which CREATE TABLE has them), DROP of a view whose new columns
# are not at its end or of a function whose result changed.  What that part
# drops is made again as the install script makes it, with comments and
# privileges.
#
# TAP test 030 compares the outcome with a fresh installation.
#
# usage: upgrade_script.pl old_install_script by_hand install_part...
#
# test/tools/upgrade_script.pl

use strict;
use warnings;

my ($old_script, $by_hand_script, @parts) = @ARGV;
die "usage: $0 old_install_script by_hand install_part...\n" unless @parts;

my $by_hand = slurp($by_hand_script);
my @old = statements(slurp($old_script));
my @new = map { statements(slurp($_)) } @parts;

# What the part by hand drops is not there any more.
foreach my $statement (statements($by_hand))
{
	next unless normal($statement) =~ /^DROP [A-Z]+ (?:IF EXISTS )?([\w.]+)/;
	my $name = $1;

	@old = grep { $_ !~ /(?<![\w.])\Q$name\E(?![\w.])/ } @old;
}

my %said = map { normal($_) => 1 } @old;
my %made = map { subject($_) => 1 } grep { subject($_) ne '' } @old;

print qq{\\echo Use "ALTER EXTENSION rusts UPDATE" to load it. \\quit\n};
print $by_hand;
foreach my $statement (@new)
{
	my $subject = subject($statement);

	next if $said{ normal($statement) };
	if ($subject ne '' && $made{$subject})
	{
		if ($subject =~ /^(?:FUNCTION|AGGREGATE|VIEW|PROCEDURE) /)
		{
			$statement =~ s/\bCREATE\b/CREATE OR REPLACE/;
		}
		else
		{
			my ($kind, $name) = split / /, $subject;

			die "$subject has changed: alter it in $by_hand_script\n"
			  unless normal($by_hand) =~ /ALTER $kind \Q$name\E /;
			next;
		}
	}
	print "\n$statement;\n";
}

sub slurp
{
	my ($path) = @_;

	open my $fh, '<', $path or die "could not read $path: $!\n";
	local $/;
	return <$fh> // '';
}

# The statements of a script, without what is between them.
sub statements
{
	my ($text) = @_;
	my @found;
	my $statement = '';

	$text =~ s/^\\.*$//mg;
	while (
		$text =~ /\G(
			--[^\n]* | \/\*.*?\*\/			# comments
		  | '(?:[^']|'')*' | "[^"]*"		# quoted
		  | (\$\w*\$).*?\2					# dollar-quoted
		  | ; | . )/gsx)
	{
		my $token = $1;

		if ($token eq ';')
		{
			push @found, $statement;
			$statement = '';
		}
		elsif ($token =~ m{^(?:--|/\*)}) { }
		elsif ($statement ne '' || $token !~ /^\s/)
		{
			$statement .= $token;
		}
	}
	return @found;
}

# A statement that says the same is the same.
sub normal
{
	my ($statement) = @_;

	$statement = join ';', statements("$statement;")
	  if $statement =~ m{--|/\*};
	$statement =~ s/\s+/ /g;
	$statement =~ s/^ | $//g;
	return $statement;
}

# What a statement makes, '' if it makes nothing.
sub subject
{
	my $statement = normal($_[0]);

	return "$1 $2"
	  if $statement =~
	  /^CREATE (FUNCTION|AGGREGATE|PROCEDURE) ([\w.]+ ?\((?:[^()]|\([^()]*\))*\))/;
	return "$1 $2"
	  if $statement =~
	  /^CREATE (?:UNIQUE )?(VIEW|TABLE|INDEX|SCHEMA|SEQUENCE|TYPE|DOMAIN) ([\w.]+)/;
	return '';
}
