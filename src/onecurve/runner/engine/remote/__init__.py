"""Jobs on other machines: what travels with a job, who does it there, and the loop that gives jobs out and takes results in."""
