package probe

import (
	"errors"
	"flag"
)

// A Config is the arguments of a program under test.
type Config struct {
	URL      string
	Realtime string
	Room     string // the slug
	User     string
	Password string
	Frames   int  // of what counts, between Begin and End; 0: end when ready
	Chats    int  // lines of chat among them
	Times    bool // tell when each line of chat was heard
	Calls    int  // make so many calls of REST instead, one after the other

	WarmFrames int // of the warm-up, which comes before Begin and does not count
	WarmChats  int // lines of chat among them
}

// ParseFlags reads the arguments of a program under test; more adds flags of its own.
func ParseFlags(name string, args []string, more func(f *flag.FlagSet)) (Config, error) {
	var c Config
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.StringVar(&c.URL, "url", "", "base `URL` of REST")
	f.StringVar(&c.Realtime, "realtime", "", "`URL` of the websocket")
	f.StringVar(&c.Room, "room", "", "`slug` of the room")
	f.StringVar(&c.User, "user", "", "who logs in")
	f.StringVar(&c.Password, "password", "", "with what")
	f.IntVar(&c.Frames, "frames", 0, "how many events count; 0: end when ready")
	f.IntVar(&c.Chats, "chats", 0, "how many of them are lines of chat")
	f.IntVar(&c.WarmFrames, "warm-frames", 0, "how many events come before those that count")
	f.IntVar(&c.WarmChats, "warm-chats", 0, "how many of them are lines of chat")
	f.BoolVar(&c.Times, "times", false, "tell when each line of chat was heard")
	f.IntVar(&c.Calls, "calls", 0, "make so many calls of REST instead")
	if more != nil {
		more(f)
	}
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if c.URL == "" || c.Realtime == "" || c.Room == "" || c.User == "" {
		return c, errors.New("-url, -realtime, -room and -user are needed; go run ./tools/bench starts this program")
	}
	return c, nil
}
