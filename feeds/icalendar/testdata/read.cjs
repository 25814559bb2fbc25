// Reads a calendar from standard input and prints each entry as JSON.
const ICAL = require('ical.js');

let data = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (piece) => { data += piece; });
process.stdin.on('end', () => {
  const calendar = new ICAL.Component(ICAL.parse(data));
  for (const zone of calendar.getAllSubcomponents('vtimezone')) {
    ICAL.TimezoneService.register(zone);
  }
  const utc = (property) => {
    if (!property) return '';
    const time = property.getFirstValue();
    if (time.isDate) return time.toString();
    return new Date(time.toUnixTime() * 1000).toISOString().replace('.000', '');
  };
  for (const name of ['vevent', 'vtodo']) {
    for (const part of calendar.getAllSubcomponents(name)) {
      console.log(JSON.stringify({
        uid: part.getFirstPropertyValue('uid'),
        start: utc(part.getFirstProperty('dtstart')),
        end: utc(part.getFirstProperty('dtend') || part.getFirstProperty('due')),
        summary: part.getFirstPropertyValue('summary') || '',
        place: part.getFirstPropertyValue('location') || '',
        body: part.getFirstPropertyValue('description') || '',
        categories: part.getAllProperties('categories').flatMap((p) => p.getValues()),
      }));
    }
  }
});
