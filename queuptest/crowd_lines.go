package queuptest

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/queup-go/queup/internal/htmltext"
)

// What the people of a crowd are called, and what they say.

var (
	crowdFirst = []string{
		"velvet", "silent", "lucky", "neon", "paper", "midnight", "copper", "sleepy", "electric", "mellow", "crimson", "foggy",
		"hollow", "quiet", "rusty", "solar", "tiny", "wild", "winter", "golden", "lazy", "static", "marble", "salty", "cosmic",
	}
	crowdSecond = []string{
		"moth", "kestrel", "otter", "badger", "comet", "lantern", "pigeon", "anchor", "cactus", "marlin", "walrus", "meadow",
		"raven", "teapot", "tram", "violet", "willow", "ember", "falcon", "harbor", "jackal", "kettle", "lemon", "magpie", "orbit",
	}
	crowdShapes = []string{"%1%2", "%1_%2", "%1.%2", "dj_%2", "%1%2%n", "%2%n", "%1-%2", "xX%2Xx", "the_%1_%2", "%2_%1"}
)

// crowdNames draws so many names for which free is true, each one once.
func crowdNames(r *rand.Rand, count int, free func(string) bool) []string {
	taken := map[string]bool{}
	names := make([]string, 0, count)
	for len(names) < count {
		name := strings.NewReplacer(
			"%1", crowdFirst[r.IntN(len(crowdFirst))],
			"%2", crowdSecond[r.IntN(len(crowdSecond))],
			"%n", strconv.Itoa(r.IntN(100)),
		).Replace(crowdShapes[r.IntN(len(crowdShapes))])
		for i := 2; taken[strings.ToLower(name)] || !free(name); i++ {
			name = strings.TrimRight(name, "0123456789") + strconv.Itoa(i*len(names)%100_000+i)
		}
		taken[strings.ToLower(name)] = true
		names = append(names, name)
	}
	return names
}

// What the crowd says. %s is the song, %a its artist, %t its title, %d the DJ, %l who spoke last, %o somebody else.
var (
	crowdLines = []string{
		"hi", "hey all", "hello everyone :)", "morning", "evening!", "good to be back", "o/", "what's up", "lol", "haha", "LOL",
		"hahaha that's good", "brb", "afk for a bit, coffee", "back", "ok", "yes", "no way", "nice", "so good", "this is great",
		"I love this room", "anyone else at work?", "it's raining here again", "volume up!", "turn it up 🔊", "🔥🔥🔥", "❤️", ":D",
		"<3", "1 + 1 > 1", "bass & drums", `"quoted"`, "it's fine", "who's next?", "what a tune", "first time I hear this",
		"/me is dancing", "/me nods along", "gute Musik heute", "ça c'est bon", "これはいい曲ですね", "Ещё раз!", "çok iyi",
		"can we have something slower next?", "can we have something faster next?", "my cat just walked over the keyboard",
		"does anybody know more like this? I have been looking for a good playlist with this kind of sound for weeks now and " +
			"everything the search gives me is either far too slow or just not the same at all",
		"two lines\nare better than one", "https://queup.test/join/lounge", "gotta go soon", "see you tomorrow maybe",
	}
	crowdSongLines = []string{
		"%s!!", "love %a", "%a is so underrated", "%t is my favourite of theirs", "great pick %d", "thanks @%d", "nice one @%d",
		"what is this? %t?", "I saw %a live once", "%a again? yes please", "not my thing, sorry %d", "who queued %t?",
		"@%d where do you find these", "grabbed", "that's going into my playlist", "%t on repeat", "meh", "skip? no? ok",
		"the intro of %t gets me every time", "I have been waiting all day for somebody to play %s, thank you so much @%d",
	}
	crowdReplies = []string{
		"@%l hi!", "@%l agreed", "@%l haha", "@%l no", "@%l yes, totally", "@%l same here", "hey %l", "welcome %l", "@%l what?",
		"@%l I was about to say that", "@%o did you see what %l wrote?", "@%o you there?", "@%o :)", "%l: you're right",
	}
	crowdLetterLines = []string{
		"hey", "are you in the lounge?", "good song, isn't it", "when are you on next?", "check my playlist & tell me", "thanks!", "see you",
	}
	crowdComment = []string{"classic", "so good", "the live version is better", "1:23 is the best part", "reminds me of summer", "<3"}
)

// line makes a line of chat with its HTML entities, short enough to be taken.
func (c *crowd) line(p *person) string {
	lines := crowdLines
	switch n := c.rand.IntN(10); {
	case n < 4 && c.r.playing != nil:
		lines = crowdSongLines
	case n < 6 && len(c.r.messages) > 0:
		lines = crowdReplies
	}
	text := c.pick(lines)
	if strings.Contains(text, "%") {
		fill := []string{"%o", c.people[c.rand.IntN(len(c.people))].account.name, "%l", p.account.name, "%s", "it", "%a", "this", "%t", "this", "%d", "dj"}
		if n := len(c.r.messages); n > 0 {
			fill[3] = c.r.messages[n-1].author.name
		}
		if play := c.r.playing; play != nil {
			artist, title, _ := strings.Cut(play.song.name, " - ")
			fill[5], fill[7], fill[9], fill[11] = play.song.name, artist, title, play.dj.account.name
		}
		text = strings.NewReplacer(fill...).Replace(text)
	}
	sent := htmltext.Encode(text)
	for utf16Len(sent) > maxChat {
		runes := []rune(text)
		text = string(runes[:len(runes)-1])
		sent = htmltext.Encode(text)
	}
	return sent
}
