"""Prints the cursor of the 1,000th page (or the last, if there are fewer) of GET /cases?status=active."""
import json, os, sys, urllib.request

base, token, cursor = os.environ["BASE"], os.environ["TOKEN"], ""
for page in range(999):
    url = f"{base}/api/v1/cases?status=active" + (f"&cursor={cursor}" if cursor else "")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    info = json.load(urllib.request.urlopen(request, timeout=30))["page"]
    if not info["has_more"]:
        print(f"only {page + 1} pages", file=sys.stderr)
        break
    cursor = info["next_cursor"]
print(cursor)
