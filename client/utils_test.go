package client_test

import (
	"slices"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
)

func TestFormatSongLength(t *testing.T) {
	tests := []struct {
		length time.Duration
		want   string
	}{
		{0, "00:00"},
		{3*time.Minute + 54*time.Second, "03:54"},
		{999 * time.Millisecond, "00:00"},
		{59*time.Minute + 59*time.Second + 999*time.Millisecond, "59:59"},
		{time.Hour, "1:00:00"},
		{time.Hour + 2*time.Minute + 3*time.Second, "1:02:03"},
		{27*time.Hour + 46*time.Minute + 39*time.Second, "27:46:39"},
		{-time.Minute, "00:00"},
	}
	for _, tt := range tests {
		if got := client.FormatSongLength(tt.length); got != tt.want {
			t.Errorf("FormatSongLength(%v) = %q, want %q", tt.length, got, tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	want := time.Date(2017, 6, 2, 16, 23, 14, 815e6, time.UTC)
	parsed, err := client.ParseTimestamp("2017-06-02T16:23:14.815Z")
	if err != nil || !parsed.Equal(want) || parsed.Location() != time.UTC {
		t.Errorf("ParseTimestamp = %v, %v, want %v", parsed, err, want)
	}
	zoned, err := client.ParseTimestamp("2017-06-02T18:23:14.815+02:00")
	if err != nil || !zoned.Equal(want) {
		t.Errorf("ParseTimestamp with a zone = %v, %v, want %v", zoned, err, want)
	}
	if _, err := client.ParseTimestamp("yesterday"); err == nil {
		t.Error("ParseTimestamp takes yesterday")
	}
	if ms := client.Millis(want); ms != 1496420594815 || !client.TimeFromMillis(ms).Equal(want) {
		t.Errorf("Millis = %d, and back %v", ms, client.TimeFromMillis(ms))
	}
}

func TestFind(t *testing.T) {
	numbers := slices.Values([]int{1, 2, 3, 4})
	even := func(n int) bool { return n%2 == 0 }
	if got, ok := client.Find(numbers, even); got != 2 || !ok {
		t.Errorf("Find = %d, %v, want the first even number", got, ok)
	}
	if got, ok := client.Find(numbers, func(n int) bool { return n > 4 }); got != 0 || ok {
		t.Errorf("Find of what is not there = %d, %v", got, ok)
	}
}
