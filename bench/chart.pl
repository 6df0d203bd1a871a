#!/usr/bin/perl
#
# chart.pl
#	  Draw the times of queries as bars, in SVG.
#
# Reads what the part "queries" of run.sh leaves in build/bench/queries.tsv.
# A query has a bar for each system, on a logarithmic scale of milliseconds,
# with the time at its end and, at the right, how many times as long as the
# first system each other one takes.  The drawing has a background of its own and
# a second set of colours for readers who prefer dark ones.
#
# usage: perl chart.pl file >picture
#
# bench/chart.pl

use strict;
use warnings;
use POSIX qw(floor log10);

use constant {
	WIDTH => 960,
	MARGIN => 24,
	LABELS => 178,		# where bars begin
	TIMES => 62,		# room for a time at the end of the longest bar
	FACTOR => 84,		# width of a column of factors
	HEAD => 96,			# above the first query
	BAR => 11,
	GAP => 9			# between queries
};

# Of the first system, the second and so on, and of a heap; light, dark.
my @colours = (
	[ '#b7410e', '#f0883e' ],
	[ '#5b7fa6', '#79a8d9' ],
	[ '#8a6fb0', '#b497da' ],
	[ '#5d9a7a', '#7fc3a0' ],
	[ '#b08d3c', '#d9bb6a' ]);
my $grey = [ '#a9afb6', '#717a85' ];

my ($file) = @ARGV;
my (@queries, @systems, %ms, %about, %what);

die "usage: $0 file\n" unless defined $file;
read_times();

my @others = @systems[ 1 .. $#systems ];
my $right = WIDTH - MARGIN - FACTOR * @others;		# where factors begin
my $row = BAR * @systems + GAP;
my $bottom = HEAD + $row * @queries;
my @lines = about_lines();
my $height = $bottom + 50 + 15 * @lines;
my ($lowest, $highest) = ends_of_axis();

binmode STDOUT, ":encoding(UTF-8)";
print_frame();
print_axis();
print_query($_) foreach 0 .. $#queries;
print_about();
print "</svg>\n";

sub read_times
{
	open my $fh, '<', $file or die "could not open \"$file\": $!\n";
	while (my $line = <$fh>)
	{
		chomp $line;
		my ($query, $system, $median) = split /\t/, $line;

		if ($line =~ /^# (\w+)\t(.*)/)
		{
			my ($key, $text) = ($1, $2);

			$about{$key} = $text;
			$what{$1} = $2 if $key eq 'system' && $text =~ /^(.*?)\t(.*)/;
			next;
		}
		next if $query eq 'query';
		push @queries, $query unless grep { $_ eq $query } @queries;
		push @systems, $system unless grep { $_ eq $system } @systems;
		$ms{$query}{$system} = $median if $median ne '-';
	}
	close $fh;
	die "no times in \"$file\"\n" unless @queries;
	die "no more than " . @colours . " systems\n" if @systems > @colours;
	@colours = map { $systems[$_] eq 'heap' ? $grey : $colours[$_] }
	  0 .. $#systems;
	return;
}

# The ends of the axis, as powers of ten: a whole one before all times, and
# the longest time.
sub ends_of_axis
{
	my @all = sort { $a <=> $b } map { values %$_ } values %ms;

	die "no times in \"$file\"\n" unless @all;
	return (floor(log10($all[0] / 1.3)), log10($all[-1]));
}

# Where a time is on the axis.
sub x_of
{
	my ($ms) = @_;
	my $length = $right - TIMES - LABELS - MARGIN;

	return LABELS + MARGIN +
	  $length * (log10($ms) - $lowest) / ($highest - $lowest);
}

sub text
{
	my ($x, $y, $class, $text) = @_;

	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	printf qq{<text x="%.1f" y="%.1f" class="%s">%s</text>\n}, $x, $y, $class,
	  $text;
	return;
}

sub rectangle
{
	my ($x, $y, $width, $height, $class) = @_;

	printf qq{<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"/>\n},
	  $x, $y, $width, $height, $class;
	return;
}

sub print_frame
{
	my ($light, $dark) = map {
		my $i = $_;
		join ' ', map { ".s$_ { fill: $colours[$_][$i] }" } 0 .. $#systems;
	} 0, 1;
	my $title = 'TSBS queries, ' . millions($about{rows}) .
	  ' rows of 10 tags and 10 fields';

	print <<"END";
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${\WIDTH} $height" width="${\WIDTH}" height="$height" role="img" aria-label="$title">
<style>
text { font: 12px -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 }
.soft { font-size: 11px; fill: #59636e }
.time { font-size: 10px; fill: #59636e }
.best { font-size: 10px; font-weight: 600 }
.end { text-anchor: end }
.middle { text-anchor: middle }
.back { fill: #ffffff; stroke: #d1d9e0 }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.band { fill: #f6f8fa }
$light
\@media (prefers-color-scheme: dark) {
text, .best { fill: #e6edf3 }
.soft, .time { fill: #9198a1 }
.back { fill: #0d1117; stroke: #3d444d }
.grid { stroke: #3d444d }
.band { fill: #151b23 }
$dark
}
</style>
<rect x="0.5" y="0.5" width="${\(WIDTH - 1)}" height="${\($height - 1)}" rx="8" class="back"/>
END
	text(MARGIN, 34, 'title', $title);
	print_legend();
	return;
}

sub print_legend
{
	my $x = MARGIN;

	foreach my $i (0 .. $#systems)
	{
		rectangle($x, 51, 12, 12, "s$i");
		text($x + 18, 61, '', $systems[$i]);
		$x += 44 + 7 * length $systems[$i];
	}
	text($x, 61, 'soft', 'median time of a query, shorter is better');
	return;
}

# Lines and labels at the powers of ten; heads of the columns of factors.
sub print_axis
{
	foreach my $i (0 .. $#queries)
	{
		rectangle(MARGIN / 2, HEAD + $i * $row - GAP / 2, WIDTH - MARGIN, $row,
			'band')
		  if $i % 2 == 0;
	}
	foreach my $power ($lowest .. floor($highest))
	{
		my $ms = 10**$power;
		my $label = $ms < 1000 ? "$ms ms" : $ms / 1000 . ' s';

		printf qq{<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" class="grid"/>\n},
		  (x_of($ms)) x 2, HEAD - GAP / 2, $bottom - GAP / 2;
		text(x_of($ms), HEAD - 10, 'soft middle', $label);
		text(x_of($ms), $bottom + 12, 'soft middle', $label);
	}
	text((LABELS + MARGIN + $right - TIMES) / 2, $bottom + 28,
		'soft middle', 'time of a query, logarithmic scale');
	text(WIDTH - MARGIN, HEAD - 26, 'soft end',
		"times as long as $systems[0]")
	  if @others;
	foreach my $i (0 .. $#others)
	{
		text($right + FACTOR * ($i + 1), HEAD - 10, 'soft end', $others[$i]);
	}
	return;
}

sub print_query
{
	my ($number) = @_;
	my $query = $queries[$number];
	my $times = $ms{$query};
	my $top = HEAD + $row * $number;
	my $middle = $top + BAR * @systems / 2 + 4;
	my $ours = $times->{ $systems[0] };

	text(LABELS + MARGIN - 10, $middle, 'end', $query);
	foreach my $i (0 .. $#systems)
	{
		my $time = $times->{ $systems[$i] };
		my $y = $top + BAR * $i;

		if (!defined $time)
		{
			text(LABELS + MARGIN + 4, $y + 9, 'time', 'does not run');
			next;
		}
		rectangle(LABELS + MARGIN, $y, x_of($time) - LABELS - MARGIN, BAR - 1,
			"s$i");
		text(x_of($time) + 4, $y + 9, $i == 0 ? 'best' : 'time',
			three_digits($time));
	}
	foreach my $i (0 .. $#others)
	{
		my $time = $times->{ $others[$i] };

		next unless defined $ours && defined $time;
		text($right + FACTOR * ($i + 1), $middle, 'end',
			three_digits($time / $ours) . " \x{d7}");
	}
	return;
}

sub three_digits
{
	my ($number) = @_;

	return sprintf $number < 10 ? '%.2f' : $number < 100 ? '%.1f' : '%.0f',
	  $number;
}

sub millions
{
	my ($rows) = @_;

	return sprintf '%.3g million', ($rows // 0) / 1e6;
}

# What was measured where, under the bars.
sub about_lines
{
	return (
		join(', ', grep { defined } @about{ 'machine', 'date' }) .
		  '; no parallel workers, no JIT compilation, all warm',
		join '; ', map { named($_) } @systems);
}

# What a system is, after its name unless that says it already.
sub named
{
	my ($system) = @_;
	my $text = $what{$system} // '';

	return $text eq '' ? $system :
	  $text =~ /^\Q$system\E\b/ ? $text : "$system: $text";
}

sub print_about
{
	foreach my $i (0 .. $#lines)
	{
		text(MARGIN, $bottom + 50 + 15 * $i, 'soft', $lines[$i]);
	}
	return;
}
