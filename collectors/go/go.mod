module gcmeter/go

go 1.19
