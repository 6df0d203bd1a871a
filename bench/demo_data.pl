#!/usr/bin/perl
#
# demo_data.pl
#	  Line protocol for the demo: this machine's metrics, and a backfill.
#
# usage:
#	demo_data.pl sample COUNT SECONDS
#		reads /proc COUNT times, SECONDS apart, and prints one call of
#		rusts_write for each reading
#	demo_data.pl backfill HOSTS STEPS STEP_SECONDS
#		prints line protocol: a day in the life of some servers, as random
#		walks from a fixed seed, up to the present
#	demo_data.pl calls LINES < line protocol
#		wraps it into calls of rusts_write, LINES lines each, with progress
#
# bench/demo_data.pl

use strict;
use warnings;
use Sys::Hostname;
use Time::HiRes qw(time sleep);

$| = 1;

my ($what, @args) = @ARGV;
my %commands = (sample => \&sample, backfill => \&backfill, calls => \&calls);

die "usage: $0 sample|backfill|calls ...\n"
  unless defined $what && $commands{$what};
$commands{$what}->(@args);

# A tag value with the bytes that line protocol gives a meaning escaped.
sub tag_value
{
	my ($value) = @_;

	$value =~ s/[\r\n]+/ /g;
	$value =~ s/\\+$//;
	$value =~ s/([,= ])/\\$1/g;
	return $value;
}

# One call.  Dollar quotes need no escaping inside.
sub call
{
	my ($lines) = @_;

	die "the data has our quotes in it" if $lines =~ /\$lp\$/;
	return "SELECT rusts_write(\$lp\$$lines\$lp\$);\n";
}

sub read_lines
{
	my ($path) = @_;

	open my $file, '<', $path or return;
	my @lines = <$file>;
	close $file;
	return @lines;
}

# Jiffies since boot, by kind.
sub cpu_times
{
	my ($line) = grep { /^cpu / } read_lines('/proc/stat');
	my (undef, $user, $nice, $system, $idle, $iowait) = split ' ', $line;

	return {
		user => $user + $nice,
		system => $system,
		idle => $idle,
		iowait => $iowait // 0
	};
}

sub sample
{
	my ($count, $seconds) = @_;
	my $host = tag_value(hostname());
	my $before = cpu_times();

	foreach my $n (1 .. $count)
	{
		sleep($seconds);

		my $ns = sprintf '%d', time() * 1e6;
		my @lines;

		$ns .= '000';

		my $now = cpu_times();
		my $total = 0;

		$total += $now->{$_} - $before->{$_} foreach keys %$now;
		$total ||= 1;
		push @lines, "cpu,host=$host,region=local "
		  . join(',',
			map { sprintf 'usage_%s=%.2f', $_,
				100 * ($now->{$_} - $before->{$_}) / $total } sort keys %$now)
		  . " $ns";
		$before = $now;

		my %memory = map { /^(\w+):\s+(\d+)/ ? ($1 => $2) : () }
		  read_lines('/proc/meminfo');
		push @lines, sprintf 'mem,host=%s total=%di,available=%di,cached=%di %s',
		  $host, map({ ($memory{$_} // 0) * 1024 }
			qw(MemTotal MemAvailable Cached)), $ns;

		my ($load) = read_lines('/proc/loadavg');
		push @lines, sprintf 'load,host=%s load1=%s,load5=%s,load15=%s %s',
		  $host, (split ' ', $load)[0 .. 2], $ns;

		foreach my $line (read_lines('/proc/diskstats'))
		{
			my (undef, undef, $disk, $reads, undef, $read, undef, $writes,
				undef, $written) = split ' ', $line;

			next if $disk =~ /^(?:loop|ram|zram|dm-)/ || !($reads + $writes);
			push @lines, sprintf
			  'disk,host=%s,device=%s reads=%di,bytes_read=%di,writes=%di,bytes_written=%di %s',
			  $host, tag_value($disk), $reads, $read * 512, $writes,
			  $written * 512, $ns;
		}
		foreach my $line (read_lines('/proc/net/dev'))
		{
			next unless $line =~ /^\s*([^:\s]+):\s*(.*)/;
			my ($interface, @value) = ($1, split ' ', $2);

			push @lines, sprintf
			  'net,host=%s,interface=%s bytes_recv=%di,packets_recv=%di,bytes_sent=%di,packets_sent=%di %s',
			  $host, tag_value($interface), @value[ 0, 1, 8, 9 ], $ns;
		}
		if ($n == 1)
		{
			print "\\echo The first sample:\n";
			print "\\echo '  ", s/'/''/gr, "'\n" foreach @lines;
		}
		print call(join "\n", @lines);
	}
	return;
}

sub backfill
{
	my ($hosts, $steps, $step_seconds) = @_;
	my @regions = qw(eu-west eu-north us-east us-west ap-south);
	my $end = int(time() / $step_seconds) * $step_seconds;
	my @head = map { sprintf 'cpu,host=server%02d,region=%s ', $_,
		$regions[ $_ % @regions ] } 1 .. $hosts;
	my (@user, @system);

	srand(20160101);
	@user = map { rand(60) } @head;
	@system = map { rand(20) } @head;
	foreach my $step (1 .. $steps)
	{
		my $ns = ($end - ($steps - $step) * $step_seconds) . '000000000';

		foreach my $h (0 .. $#head)
		{
			my $user = $user[$h] + rand(2) - 1;
			my $system = $system[$h] + rand(1) - 0.5;
			my $iowait = rand() < 0.05 ? rand(10) : 0;

			$user[$h] = $user = $user < 0 ? 0 : $user > 60 ? 60 : $user;
			$system[$h] = $system =
			  $system < 0 ? 0 : $system > 20 ? 20 : $system;
			print $head[$h],
			  sprintf(
				'usage_idle=%.2f,usage_iowait=%.2f,usage_system=%.2f,usage_user=%.2f',
				100 - $user - $system - $iowait, $iowait, $system, $user),
			  " $ns\n";
		}
	}
	return;
}

sub calls
{
	my ($lines_per_call) = @_;
	my ($lines, $n, $done) = ('', 0, 0);

	while (my $line = <STDIN>)
	{
		$lines .= $line;
		if (++$n == $lines_per_call)
		{
			print call($lines);
			$done += $n;
			print "\\echo '  ' $done points\n" if $done % 50_000 < $n;
			($lines, $n) = ('', 0);
		}
	}
	print call($lines) if $n;
	return;
}
