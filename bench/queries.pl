#!/usr/bin/perl
#
# queries.pl
#	  Print the queries of the Time Series Benchmark Suite's "cpu-only" case.
#
# Ten instances of each of its queries, that is ten draws of hosts and of a
# time, on the three days and 100 hosts of gen_tsbs.c; then its lastpoint, and
# two scans of everything.  A line is a name, a tab and the SQL.  The draws
# are listed below instead of drawn again, so that they stay the same.
#
# usage: perl queries.pl [name...]
#	prints all queries, or those of the names; a name may be a regular
#	expression
#
# bench/queries.pl

use strict;
use warnings;
use POSIX qw(strftime);

use constant FIRST_SECOND => 1451606400;	# 2016-01-01, where TSBS begins

my @fields = map { "usage_$_" } qw(user system idle nice iowait irq softirq
  steal guest guest_nice);

# What TSBS calls a query, and what makes its SQL of a draw.
my @queries = (
	[ 'single-groupby-1-1-1', sub { maxima('minute', 1, 1, @_) } ],
	[ 'single-groupby-1-1-12', sub { maxima('minute', 1, 12, @_) } ],
	[ 'single-groupby-1-8-1', sub { maxima('minute', 1, 1, @_) } ],
	[ 'single-groupby-5-1-1', sub { maxima('minute', 5, 1, @_) } ],
	[ 'single-groupby-5-1-12', sub { maxima('minute', 5, 12, @_) } ],
	[ 'single-groupby-5-8-1', sub { maxima('minute', 5, 1, @_) } ],
	[ 'cpu-max-all-1', sub { maxima('hour', 10, 8, @_) } ],
	[ 'cpu-max-all-8', sub { maxima('hour', 10, 8, @_) } ],
	[ 'double-groupby-1', sub { averages(1, @_) } ],
	[ 'double-groupby-5', sub { averages(5, @_) } ],
	[ 'double-groupby-all', sub { averages(10, @_) } ],
	[ 'high-cpu-1', sub { high_cpu(@_) . ' AND ' . hosts_are($_[1]) } ],
	[ 'high-cpu-all', \&high_cpu ],
	[ 'lastpoint', 'SELECT DISTINCT ON (hostname) * FROM cpu ' .
		  'ORDER BY hostname, time DESC' ],
	[ 'groupby-orderby-limit', \&last_minutes ],
	[ 'fullscan-count-avg', 'SELECT count(*), avg(usage_user) FROM cpu' ],
	[ 'fullscan-hour-host', 'SELECT ' . bucket(3600) . ' AS hour, ' .
		  'hostname, avg(usage_user), max(usage_user) FROM cpu GROUP BY 1, 2' ]);

my %draws = read_draws();
my $wanted = join '|', @ARGV;

foreach my $query (@queries)
{
	my ($name, $sql) = @$query;

	next if @ARGV && $name !~ /^(?:$wanted)$/;
	if (!ref $sql)
	{
		print "$name\t$sql\n";
		next;
	}
	print "$name\t", $sql->(split /:/), "\n" foreach @{ $draws{$name} };
}

# Draws by name: seconds after the first second, and the numbers of hosts.
sub read_draws
{
	my (%found, $name);

	while (my $line = <DATA>)
	{
		foreach my $word (split ' ', $line)
		{
			if ($word =~ /^[a-z]/)
			{
				$name = $word;
			}
			else
			{
				push @{ $found{$name} }, $word;
			}
		}
	}
	return %found;
}

sub bucket
{
	return "time_bucket('$_[0] seconds', time)";
}

sub timestamp
{
	return strftime("'%Y-%m-%d %H:%M:%S +0000'", gmtime FIRST_SECOND + $_[0]);
}

sub times_are
{
	my ($start, $hours) = @_;

	return 'time >= ' . timestamp($start) . ' AND time < ' .
	  timestamp($start + 3600 * $hours);
}

sub hosts_are
{
	return 'hostname IN (' .
	  join(',', map { "'host_$_'" } split /,/, $_[0]) . ')';
}

# The highest of some fields in every minute or hour, of one or more hosts.
sub maxima
{
	my ($unit, $nfields, $hours, $start, $hosts) = @_;

	return 'SELECT ' . bucket($unit eq 'hour' ? 3600 : 60) . " AS $unit, " .
	  join(', ', map { "max($_) as max_$_" } @fields[ 0 .. $nfields - 1 ]) .
	  ' FROM cpu WHERE ' . hosts_are($hosts) . ' AND ' .
	  times_are($start, $hours) . " GROUP BY $unit ORDER BY $unit" .
	  ($unit eq 'minute' ? ' ASC' : '');
}

# The average of some fields in every hour, host by host.
sub averages
{
	my ($nfields, $start) = @_;
	my @some = @fields[ 0 .. $nfields - 1 ];
	my @means = map { s/^usage/mean_usage/r } @some;

	return 'WITH cpu_avg AS (SELECT ' . bucket(3600) .
	  ' as hour, hostname, ' .
	  join(', ', map { "avg($_) as mean_$_" } @some) . ' FROM cpu WHERE ' .
	  times_are($start, 12) . ' GROUP BY 1, 2) SELECT hour, hostname, ' .
	  join(', ', @means) . ' FROM cpu_avg ORDER BY hour, hostname';
}

sub high_cpu
{
	my ($start) = @_;

	return 'SELECT * FROM cpu WHERE usage_user > 90.0 and ' .
	  times_are($start, 12);
}

# The five minutes before a time.
sub last_minutes
{
	my ($end) = @_;

	return 'SELECT ' . bucket(60) . ' AS minute, max(usage_user) FROM cpu ' .
	  'WHERE time < ' . timestamp($end) .
	  ' GROUP BY minute ORDER BY minute DESC LIMIT 5';
}

__DATA__
single-groupby-1-1-1
	222847:17 140674:88 236256:45 206286:85 76713:6 76074:54 243375:42
	137671:89 179276:23 137903:4
single-groupby-1-1-12
	80780:64 134400:55 59411:29 168013:2 21093:16 208218:0 26469:31 26110:60
	179038:60 28183:70
single-groupby-1-8-1
	81152:69,15,30,12,92,16,28,29 134882:45,73,69,41,26,33,46,24
	197102:78,97,44,70,26,40,64,91 157977:38,74,42,52,9,79,86,49
	3328:31,70,58,35,79,64,9,51 53973:33,6,32,92,5,12,85,94
	69993:62,20,75,41,7,78,86,96 116298:34,8,70,88,77,43,93,37
	111801:27,67,21,87,3,26,85,31 119441:87,29,79,13,71,55,11,65
single-groupby-5-1-1
	196861:36 20748:81 23813:97 236250:51 56540:18 76876:12 92728:53 80598:47
	29918:82 86825:87
single-groupby-5-1-12
	148163:75 199052:58 136453:7 16871:16 131160:67 167757:18 87488:6
	127046:43 157722:66 7137:79
single-groupby-5-8-1
	19467:51,79,2,61,19,24,84,65 41920:86,71,78,76,50,45,64,95
	22509:22,92,15,58,26,16,49,54 113938:91,90,64,65,39,75,15,72
	239630:67,73,90,17,15,63,56,97 93514:94,48,60,23,86,38,90,70
	113275:20,12,36,90,91,70,88,59 79633:14,22,62,36,44,10,46,21
	21201:72,24,48,78,98,65,33,46 249985:11,75,6,18,1,68,55,65
cpu-max-all-1
	33759:70 227392:24 132817:55 4694:56 211802:15 52298:55 193283:32
	167282:38 75154:45 36300:50
cpu-max-all-8
	33896:54,81,15,76,48,86,59,32 200774:22,64,3,28,97,1,40,17
	207546:8,6,67,37,24,65,63,80 58384:21,85,26,69,57,25,74,52
	200044:75,10,99,51,59,64,66,52 98514:38,93,25,14,70,88,41,98
	142570:43,89,97,81,84,52,47,86 150547:80,75,70,19,73,56,69,11
	78916:17,9,49,39,76,56,91,81 26432:68,21,86,16,45,38,67,88
double-groupby-1
	37461 185137 42203 83400 94841 79678 152150 181289 27282 81717
double-groupby-5
	72248 63375 66162 97280 62862 20453 102918 12344 174367 201773
double-groupby-all
	160623 52893 91975 168109 51404 143495 40841 107353 118640 150508
high-cpu-1
	86557:83 15794:41 150277:28 102713:71 134326:29 131523:23 46391:35
	198246:83 21084:13 75786:53
high-cpu-all
	207137 183197 35713 117524 187174 142489 10537 55167 113619 175104
groupby-orderby-limit
	216001 96133 13648 88601 241410 8657 196277 216679 33405 94263
