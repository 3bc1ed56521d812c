package practices

import (
	"strings"
	"time"
)

// runtimesAsOf is the day of the table below: "Lambda runtimes" of AWS's developer guide
// (docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html), "Deprecation date", as
// published on that day and transcribed by others. AWS moves dates, always to later ones so far.
const runtimesAsOf = "2026-09-29"

// supportEnds is the last day on which AWS mends each runtime. [unverified] are those that
// were seen in one transcription only; the others stand in a second one too (tflint's rules
// for AWS, endoflife.date), or there with an earlier date that AWS has since moved.
func supportEnds() map[string]string {
	return map[string]string{
		"python3.14": "2029-06-30", "python3.13": "2029-06-30", "python3.12": "2028-10-31", "python3.11": "2027-06-30", "python3.10": "2026-10-31", "python3.9": "2025-12-15",
		"python3.8": "2024-10-14", "python3.7": "2023-12-04", "python3.6": "2022-07-18", "python2.7": "2021-07-15",
		"nodejs24.x": "2028-04-30", "nodejs22.x": "2027-04-30", "nodejs20.x": "2026-04-30", "nodejs18.x": "2025-09-01", "nodejs16.x": "2024-06-12", "nodejs14.x": "2023-12-04", "nodejs12.x": "2023-03-31",
		"nodejs10.x": "2021-07-30", "nodejs8.10": "2020-03-06", "nodejs6.10": "2019-08-12", "nodejs4.3": "2020-03-05", "nodejs4.3-edge": "2020-03-05",
		"nodejs": "2016-08-30", // [unverified]: another transcription has 2016-10-31
		"java25": "2029-06-30", "java21": "2029-06-30", "java17": "2027-06-30", "java11": "2027-06-30", "java8.al2": "2027-06-30", "java8": "2024-01-08",
		"dotnet10": "2028-11-14", "dotnet8": "2026-11-10", "dotnet6": "2024-12-20", "dotnetcore3.1": "2023-04-03", "dotnetcore2.1": "2022-01-05", "dotnetcore2.0": "2019-05-30",
		"dotnetcore1.0": "2019-06-27", // [unverified]: another transcription has 2019-07-27
		"ruby4.0":       "2029-03-31", // [unverified]
		"ruby3.4":       "2028-03-31", "ruby3.3": "2027-03-31", "ruby3.2": "2026-03-31", "ruby2.7": "2023-12-07", "ruby2.5": "2021-07-30",
		"provided.al2023": "2029-06-30", "provided.al2": "2026-07-31", "provided": "2024-01-08", "go1.x": "2024-01-08",
	}
}

// supportEnd is when the support of a runtime ends; not known is not supported for ever.
func supportEnd(runtime string) (time.Time, bool) {
	day, err := time.Parse(time.DateOnly, supportEnds()[runtime])
	return day.AddDate(0, 0, 1), err == nil
}

// successor is a runtime of the same family that is supported for long.
func successor(runtime string) string {
	for _, f := range []struct{ family, newest string }{
		{"python", "python3.14"}, {"nodejs", "nodejs24.x"}, {"java", "java25"}, {"dotnet", "dotnet10"}, {"ruby", "ruby3.4"}, {"provided", "provided.al2023"}, {"go", "provided.al2023"},
	} {
		if strings.HasPrefix(runtime, f.family) {
			return f.newest
		}
	}
	return "RUNTIME"
}
